package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// spokenCorpus writes a corpus of emissions: a file of tokens, and a manifest with a text for each.
func spokenCorpus(t *testing.T, files int) {
	t.Helper()
	manifest, times := "path,text\n", "path,word,start,end\n"
	for i := range files {
		said := []string{"ab a", "b * a", "a"}[i%3]
		if i == 4 {
			said = "bb" // which is hardly said
		}
		name := fmt.Sprintf("said/%02d.jsonl", i)
		writeFile(t, name, strings.Repeat("[0, 0, 9, 0]\n[0, 0, 0, 7]\n[0, 9, 0, 0]\n[0, 0, 8, 0]\n", 1+i%4))
		manifest += name + "," + said + "\n"
		times += name + ",a,0,0.02\n"
	}
	writeFile(t, "tokens.txt", "<pad>\n|\na\nb\n")
	writeFile(t, "manifest.csv", manifest+"said/nowhere.jsonl,a\n")
	writeFile(t, "times.csv", times)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// run runs a command and returns what it says, with its error.
func run(args string) string {
	var out bytes.Buffer
	root := Energo().commands(isTagger)
	root.SetArgs(strings.Fields(args))
	root.SetOut(&out)
	root.SetErr(&out)
	if err := root.ExecuteContext(context.Background()); err != nil {
		fmt.Fprintln(&out, err)
	}
	return out.String()
}

// below reads all files below a folder.
func below(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// unlike names the files in which two folders differ.
func unlike(a, b map[string]string) (names []string) {
	for name := range maps.Keys(a) {
		if text, ok := b[name]; !ok || text != a[name] {
			names = append(names, name)
		}
	}
	for name := range maps.Keys(b) {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// resumable are commands that write files of a corpus.
var resumable = map[string]string{
	"align":                "align tokens.txt --logits --manifest manifest.csv --out out/%.json --out out/%.png --out out/all.csv --out out/x/%.vtt --truth times.csv --min-confidence 0.001",
	"align json":           "align tokens.txt --logits --manifest manifest.csv --json --out out/all.ctm",
	"transcribe":           "transcribe tokens.txt --logits --manifest manifest.csv --out out/%.srt --out out/all.csv --beam 4 --best 2 --json --times",
	"transcribe and count": "transcribe tokens.txt --logits --manifest manifest.csv --out out/%.ass --edits --normalise en",
}

// TestResume: wherever a command is cut off, --resume does the rest, and what it says and writes is what one says and writes that is not.
func TestResume(t *testing.T) {
	for name, command := range resumable {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			spokenCorpus(t, 6)
			want := run(command)
			whole := below(t, "out")
			journal := journalPath(strings.Split(strings.SplitN(command, "--out ", 2)[1], " ")[:1])
			if len(whole[journal]) == 0 || !strings.Contains(want, "said/05.jsonl") {
				t.Fatalf("%s is %q; the command says %s", journal, whole[journal], want)
			}
			ends := []int{0}
			for i, c := range whole[journal] {
				if c == '\n' {
					ends = append(ends, i+1, i+1+(len(whole[journal])-i)/3)
				}
			}
			for _, end := range ends {
				if err := os.RemoveAll("out"); err != nil {
					t.Fatal(err)
				}
				end = min(end, len(whole[journal]))
				for path, text := range whole {
					done := strings.Contains(whole[journal][:end], fmt.Sprintf("%q:", path))
					if done || strings.Contains(path, "/02") && !strings.Contains(path, "all") { // the last one is written, but not noted
						writeFile(t, path, text)
					}
				}
				writeFile(t, journal, whole[journal][:end])
				if got := run(command + " --resume"); got != want {
					t.Errorf("after %d bytes of the journal the command says %s; want %s", end, got, want)
				}
				if names := unlike(below(t, "out"), whole); names != nil {
					t.Errorf("after %d bytes of the journal, %v are other files", end, names)
				}
			}
		})
	}
}

// TestResumeAfterChanges: what has changed since is done again, and other settings are refused.
func TestResumeAfterChanges(t *testing.T) {
	t.Chdir(t.TempDir())
	spokenCorpus(t, 6)
	const command = "align tokens.txt --logits --manifest manifest.csv --out out/%.json --out out/%.vtt"
	want := run(command)
	whole := below(t, "out")
	again := func(what string) { // all files are marked, which an alignment overwrites
		t.Helper()
		if got := run(command + " --resume"); !strings.Contains(got, "said/05.jsonl") {
			t.Errorf("%s: the command says %s", what, got)
		}
	}
	times := func() (all map[string]int64) {
		all = map[string]int64{}
		for name := range whole {
			if info, err := os.Stat(name); err == nil && !strings.HasSuffix(name, ".resume") {
				all[name] = info.ModTime().UnixNano()
			}
		}
		return all
	}
	before := times()
	again("nothing is changed")
	if !maps.Equal(times(), before) {
		t.Error("files that are whole are written again")
	}

	writeFile(t, "out/00.vtt", "edited")
	if err := os.Remove("out/01.json"); err != nil {
		t.Fatal(err)
	}
	again("files are changed")
	if names := unlike(below(t, "out"), whole); len(names) > 1 { // the journal alone
		t.Errorf("%v stay changed", names)
	}

	manifest, err := os.ReadFile("manifest.csv")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, "manifest.csv", strings.Replace(string(manifest), "00.jsonl,ab a", "00.jsonl,a a", 1)+"said/05.jsonl,b\n")
	if got := run(command + " --resume"); !strings.Contains(got, "is read twice") {
		t.Errorf("a recording twice: %s", got)
	}
	writeFile(t, "manifest.csv", strings.Replace(string(manifest), "00.jsonl,ab a", "00.jsonl,a a", 1))
	before = times()
	again("a text is changed")
	after := times()
	for name, at := range before {
		if changed := after[name] != at; changed != strings.Contains(name, "/00.") {
			t.Errorf("%s is written again: %v", name, changed)
		}
	}
	writeFile(t, "manifest.csv", string(manifest))

	for flags, says := range map[string]string{
		"--normalise none": "line 1: the files were begun without --normalise; without --resume, all files are done again",
		"--pause 3":        "without --pause",
		"--blank <pad>":    "without --blank",
	} {
		if got := run(command + " --resume " + flags); !strings.Contains(got, says) {
			t.Errorf("%s: %s; want %s", flags, got, says)
		}
	}
	if got := run(strings.Replace(command, " --logits", "", 1) + " --resume"); !strings.Contains(got, "begun with --logits true") {
		t.Errorf("without a flag: %s", got)
	}
	writeFile(t, "tokens.txt", "<pad>\n|\nb\na\n")
	if got := run(command + " --resume"); !strings.Contains(got, "another model") {
		t.Errorf("other tokens: %s", got)
	}
	writeFile(t, "tokens.txt", "<pad>\n|\na\nb\n")

	const journal = "out/.all.json.resume"
	for text, says := range map[string]string{
		"{}\n": "energo ;", "x\n": "line 1: invalid character", whole[journal] + "{\"key\": 1}\n": "line 8: ", whole[journal] + "{\"more\": 1}\n": "line 8: ",
	} {
		writeFile(t, journal, text)
		if got := run(command + " --resume"); !strings.Contains(got, says) {
			t.Errorf("a journal %.20q: %s; want %s", text, got, says)
		}
	}
	if got := run(command); got != want || unlike(below(t, "out"), whole) != nil {
		t.Errorf("without --resume: %s", got)
	}
}

// TestJournalPath: the journal is beside the files.
func TestJournalPath(t *testing.T) {
	for out, want := range map[string]string{
		"aligned/%.vtt": "aligned/.all.vtt.resume", "%.json": ".all.json.resume", "a/b/all.csv": "a/b/.all.csv.resume", "a/x-%/%.vtt": "a/.x-all_all.vtt.resume", "/dev/null": "",
	} {
		if got := journalPath([]string{filepath.FromSlash(out)}); got != filepath.FromSlash(want) {
			t.Errorf("%s: %s; want %s", out, got, want)
		}
	}
}

// TestInterruptedCorpus: an interrupt ends a command between two files; files of several are not written then.
func TestInterruptedCorpus(t *testing.T) {
	t.Chdir(t.TempDir())
	spokenCorpus(t, 3)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out bytes.Buffer
	root := Energo().commands(isTagger)
	root.SetArgs(strings.Fields("align tokens.txt --logits --manifest manifest.csv --out all.csv"))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(ctx)
	if !errors.Is(err, errInterrupted) || !strings.Contains(out.String(), "interrupted after 0 of 4 files; the same command with --resume continues") {
		t.Errorf("%v, %s", err, &out)
	}
	if _, err := os.Stat("all.csv"); err == nil {
		t.Error("a file of three recordings is written for none")
	}
}

// TestCorpusProgress: without a terminal, lines say how many files are done.
func TestCorpusProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, false)
	p.count("files", 1, 1000)
	p.lastLine = time.Time{}
	p.count("files", 120, 1000)
	if out.String() != "120 of 1000 files\n" {
		t.Errorf("%q", &out)
	}
}
