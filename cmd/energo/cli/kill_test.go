//go:build unix

package cli

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// energo makes this test binary runnable as energo, and returns its path.
func energo(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "energo") // TestMain looks at the name
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// begun starts a command and waits until a file holds a text, in which PID is the command's number.
func begun(t *testing.T, program string, args []string, file, text string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	warn := &bytes.Buffer{}
	cmd := exec.Command(program, args...)
	cmd.Stderr = warn
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	text = strings.ReplaceAll(text, "PID", strconv.Itoa(cmd.Process.Pid))
	for range 3000 {
		if have, err := os.ReadFile(file); err == nil && strings.Contains(string(have), text) {
			return cmd, warn
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not come to hold %s", file, text)
	return nil, nil
}

// tiny trains a small model, with a checkpoint as often as may be.
func tiny(run string, more ...string) []string {
	return append([]string{
		"train", "digits", "--data", "digits", "--model", "mlp", "--epochs", "12", "--batch", "8", "--validation", "50", "--ema", "0.9", "--augment", "--checkpoint", "1", "--quiet", "--run", run,
	}, more...)
}

// TestOneRunAFolder: a second run, a resumption and a drawing of surfaces name the process that works in the folder; a terminal
// that hangs up, twice as shells have it, stops a run as an interrupt does; what a kill leaves is no obstacle.
func TestOneRunAFolder(t *testing.T) {
	program := energo(t)
	t.Chdir(t.TempDir())
	if err := writeDigits("digits", 400, 100); err != nil {
		t.Fatal(err)
	}
	long := tiny("a", "--epochs", "100000")
	first, warn := begun(t, program, long, "a/events.jsonl", `"epoch":1,`)
	name := fmt.Sprintf("process %d on ", first.Process.Pid)
	for _, args := range [][]string{long, {"train", "digits", "--run", "a", "--resume"}, {"compare", "digits", "--run", "a"}} {
		out, err := exec.Command(program, args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), name) || !strings.Contains(string(out), "the folder is in use") {
			t.Errorf("%v: %v, %s", args, err, out)
		}
	}
	for range 2 {
		if err := first.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	_ = first.Wait()
	if code := first.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(warn.String(), "a checkpoint is saved") {
		t.Fatalf("exit code %d, %s", code, warn)
	}
	if _, err := os.Stat("a/.lock"); err == nil {
		t.Error("a run that was stopped leaves its lock")
	}
	second, _ := begun(t, program, []string{"train", "digits", "--run", "a", "--resume", "--quiet"}, "a/.lock", "process PID ")
	if err := second.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = second.Wait()
	third, warn := begun(t, program, []string{"train", "digits", "--run", "a", "--resume", "--quiet"}, "a/.lock", "process PID ")
	if err := third.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = third.Wait()
	if code := third.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("after a kill: exit code %d, %s", code, warn)
	}
}

var long = flag.Bool("long", false, "run the long tests, too")

// TestKills kills a training again and again and resumes it each time: it ends with the weights of an unbroken one.
func TestKills(t *testing.T) {
	kills := 25
	switch {
	case *long:
		kills = 100
	case testing.Short():
		kills = 4
	}
	program := energo(t)
	t.Chdir(t.TempDir())
	if err := writeDigits("digits", 400, 100); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, tiny("whole")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	rng := rand.New(rand.NewPCG(1, 19))
	done := 0
	for round := 0; done < kills; round++ {
		run := fmt.Sprintf("parts-%d", round)
		args := tiny(run)
		for ended := false; !ended; {
			cmd := exec.Command(program, args...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if done < kills {
				time.AfterFunc(time.Duration(20+rng.IntN(400))*time.Millisecond, func() { _ = cmd.Process.Kill() })
			}
			err := cmd.Wait()
			switch {
			case err == nil:
				ended = true
			case cmd.ProcessState.ExitCode() == -1:
				done++
			default:
				t.Fatalf("after %d kills: %v", done, err)
			}
			if _, err := os.Stat(filepath.Join(run, "checkpoint.safetensors")); err == nil {
				args = []string{"train", "digits", "--run", run, "--resume", "--quiet"}
			}
		}
		want, err := os.ReadFile("whole/model.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(run, "model.safetensors"))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("after %d kills the weights are others (%v)", done, err)
		}
	}
	t.Logf("%d kills", done)
}
