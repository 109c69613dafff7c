//go:build unix

package cli

import (
	"os/exec"
	"strings"
	"testing"
)

// TestKilledCorpus: a command that is killed twice leaves no file in part, and ends with --resume as one that is not killed.
func TestKilledCorpus(t *testing.T) {
	program := energo(t)
	t.Chdir(t.TempDir())
	spokenCorpus(t, 60)
	const command = "align tokens.txt --logits --manifest manifest.csv --out out/%.json --out out/all.csv"
	want, _ := exec.Command(program, strings.Fields(command)...).Output() // one recording is not there
	whole := below(t, "out")
	kills := 0
	args := strings.Fields(strings.ReplaceAll(command, "out/", "killed/"))
	for _, file := range []string{"said/09.jsonl", "said/31.jsonl"} {
		killed, _ := begun(t, program, args, "killed/.all.json.resume", `"file":"`+file+`"`)
		if err := killed.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := killed.Wait(); killed.ProcessState.ExitCode() == -1 {
			kills++
		} else {
			t.Logf("ended before it was killed: %v", err)
		}
		for name, text := range below(t, "killed") {
			if as := "out" + strings.TrimPrefix(name, "killed"); !strings.HasSuffix(name, ".partial") && !strings.HasSuffix(name, ".resume") && text != whole[as] {
				t.Errorf("%s is %q; unbroken, it is %q", name, text, whole[as])
			}
		}
		args = append(strings.Fields(strings.ReplaceAll(command, "out/", "killed/")), "--resume")
	}
	out, _ := exec.Command(program, args...).Output()
	if string(out) != string(want) {
		t.Errorf("resumed, the command says %s; want %s", out, want)
	}
	for name, text := range whole {
		if got := below(t, "killed")["killed"+strings.TrimPrefix(name, "out")]; !strings.HasSuffix(name, ".resume") && got != text {
			t.Errorf("%s is %q; unbroken, it is %q", name, got, text)
		}
	}
	t.Logf("%d kills", kills)
}
