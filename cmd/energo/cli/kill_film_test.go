//go:build unix

package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/energo-ml/energo/ebm/surface"
)

// TestKilledFilm: another process reads the film of a run while it is trained, again and again, and sees whole frames alone, each as in the end;
// what a kill leaves reads too, and the run that resumes ends with the bytes of an unbroken one.
func TestKilledFilm(t *testing.T) {
	program := energo(t)
	t.Chdir(t.TempDir())
	args := []string{"train", "parabola", "--epochs", "30", "--quiet", "--run"}
	if out, err := exec.Command(program, append(args, "whole")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	whole, err := surface.Read("whole")
	if err != nil {
		t.Fatal(err)
	}
	frames := whole[0].Frames
	same := func(films []surface.Film) int {
		for i, f := range films[0].Frames {
			if !reflect.DeepEqual(f, frames[i]) {
				t.Fatalf("frame %d of the film that grows is another than in the end", i)
			}
		}
		return len(films[0].Frames)
	}
	cmd, _ := begun(t, program, append(args, "parts"), filepath.Join("parts", surface.GrowingFile), "energo frames")
	live, looks := surface.Follower{Dir: "parts"}, 0
	for n := 0; n < 8; looks++ {
		films, err := live.Films()
		if err != nil {
			t.Fatal(err)
		}
		n = same(films)
		time.Sleep(time.Millisecond)
	}
	_ = cmd.Process.Kill()
	if err := cmd.Wait(); err == nil {
		t.Skip("the run had ended before it was killed")
	}
	films, err := surface.Read("parts")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("killed with %d frames after %d looks", same(films), looks)
	if out, err := exec.Command(program, "train", "parabola", "--run", "parts", "--resume", "--quiet").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, err := os.ReadFile(filepath.Join("whole", surface.File))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join("parts", surface.File)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the resumed film has other bytes than the unbroken one (%v)", err)
	}
}
