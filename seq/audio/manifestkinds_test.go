package audio

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layout writes files into a folder of a test, and returns it.
func layout(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestManifestKinds reads the manifests of other systems; paths and files are below the folder.
func TestManifestKinds(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		open  string
		want  []Utterance
	}{
		"NeMo": {
			map[string]string{"m.json": "{\"audio_filepath\":\"a.wav\",\"text\":\"one\",\"duration\":2,\"offset\":1.5,\"speaker\":7}\n\n{\"text\":\"\",\"audio_filepath\":\"b.flac\"}\n"},
			"m.json",
			[]Utterance{{Path: "a.wav", Text: "one", Voice: "7", Start: 1.5, Duration: 2, File: "m.json", Line: 1}, {Path: "b.flac", File: "m.json", Line: 3}},
		},
		"Common Voice": {
			map[string]string{"test.tsv": "client_id\tpath\tsentence\tup_votes\r\nx\ta.mp3\t\"Hi\", he said\t2\r\n", "clips/a.mp3": ""},
			"test.tsv",
			[]Utterance{{Path: "clips/a.mp3", Text: "\"Hi\", he said", Voice: "x", File: "test.tsv", Line: 2}},
		},
		"LJSpeech": {
			map[string]string{"metadata.csv": "LJ1|Dr. X|Doctor X\nLJ2|plain|\n", "wavs/LJ1.wav": "", "wavs/LJ2.flac": ""},
			"",
			[]Utterance{{Path: "wavs/LJ1.wav", Text: "Doctor X", Name: "LJ1", File: "metadata.csv", Line: 1}, {Path: "wavs/LJ2.flac", Text: "plain", Name: "LJ2", File: "metadata.csv", Line: 2}},
		},
		"LibriSpeech": {
			map[string]string{"84/121/84-121.trans.txt": "84-121-0 GO OUT\n", "84/121/84-121-0.flac": ""},
			"",
			[]Utterance{{Path: "84/121/84-121-0.flac", Text: "GO OUT", Voice: "84", Name: "84-121-0", File: "84/121/84-121.trans.txt", Line: 1}},
		},
		"Kaldi": {
			map[string]string{"wav.scp": "r1 r1.wav\n", "text": "u1 one two\nu2 \n", "segments": "u1 r1 0.5 2\nu2 r1 2 -1\n", "utt2spk": "u1 ann\n"},
			"",
			[]Utterance{{Path: "r1.wav", Text: "one two", Voice: "ann", Name: "u1", Start: 0.5, Duration: 1.5, File: "text", Line: 1}, {Path: "r1.wav", Name: "u2", Start: 2, File: "text", Line: 2}},
		},
		"Kaldi without segments": {
			map[string]string{"wav.scp": "r1\tr 1.wav\n", "text": "r1 one\n"},
			"",
			[]Utterance{{Path: "r 1.wav", Text: "one", Name: "r1", File: "text", Line: 1}},
		},
	} {
		folder := layout(t, c.files)
		for i := range c.want {
			c.want[i].Path, c.want[i].File = filepath.Join(folder, c.want[i].Path), filepath.Join(folder, c.want[i].File)
		}
		if all, err := Manifest(filepath.Join(folder, c.open)); err != nil || !slices.Equal(all, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, all, err, c.want)
		}
	}
}

// TestManifestKindsErrors: an error of another system's manifest names the line and what is wrong.
func TestManifestKindsErrors(t *testing.T) {
	kaldi := func(scp, text, segments string) map[string]string {
		return map[string]string{"wav.scp": scp, "text": text, "segments": segments}
	}
	for name, c := range map[string]struct {
		files      map[string]string
		open, want string
	}{
		"NeMo, no JSON":            {map[string]string{"m.json": "{\"audio_filepath\":\"a\",\"text\":\"b\"}\n{\n"}, "m.json", "line 2"},
		"NeMo, no text":            {map[string]string{"m.json": "{\"audio_filepath\":\"a\"}\n"}, "m.json", "line 1: it has no text"},
		"NeMo, duration":           {map[string]string{"m.json": "{\"audio_filepath\":\"a\",\"text\":\"\",\"duration\":-1}\n"}, "m.json", "line 1"},
		"Common Voice, fields":     {map[string]string{"m.tsv": "path\tsentence\na\tb\tc\n"}, "m.tsv", "line 2: it has 3 fields; the header has 2"},
		"Common Voice, no column":  {map[string]string{"m.tsv": "path\ttext\na\tb\n"}, "m.tsv", "sentence"},
		"LJSpeech, one field":      {map[string]string{"metadata.csv": "LJ1|a|b\nLJ2\n"}, "", "line 2: it has 1 fields"},
		"LJSpeech, no id":          {map[string]string{"metadata.csv": "LJ1|a|b\n|a|b\n"}, "", "line 2: the id is empty"},
		"no manifest":              {map[string]string{"a.txt": ""}, "", "it has no wav.scp"},
		"Kaldi, command":           {kaldi("r1 sox a |\n", "", ""), "", "is not run"},
		"Kaldi, archive":           {kaldi("r1 a.ark:12\n", "", ""), "", "archive"},
		"Kaldi, twice":             {kaldi("r1 a\nr1 b\n", "", ""), "", "line 2: the recording \"r1\" is there twice"},
		"Kaldi, unknown recording": {kaldi("r1 a\n", "", "u1 r2 0 1\n"), "", "line 1: the recording \"r2\" is not in wav.scp"},
		"Kaldi, utterance twice":   {kaldi("r1 a\n", "", "u1 r1 0 1\nu1 r1 1 2\n"), "", "segments: audio: line 2: the utterance \"u1\" is there twice"},
		"Kaldi, text twice":        {kaldi("r1 a\n", "u1 x\nu1 x\n", "u1 r1 0 1\n"), "", "text: audio: line 2: the utterance \"u1\" is there twice"},
		"Kaldi, end before start":  {kaldi("r1 a\n", "", "u1 r1 2 1\n"), "", "line 1"},
		"Kaldi, unknown utterance": {kaldi("r1 a\n", "u2 x\n", "u1 r1 0 1\n"), "", "line 1: the utterance \"u2\""},
	} {
		folder := layout(t, c.files)
		if all, err := Manifest(filepath.Join(folder, c.open)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, error %v, want one with %q", name, all, err, c.want)
		}
	}
}
