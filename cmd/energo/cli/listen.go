package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read"
	"github.com/spf13/pflag"
)

// listenFlags say what another system's emissions are.
type listenFlags struct {
	frame  float64
	logits bool
}

func (l *listenFlags) add(f *pflag.FlagSet) {
	f.Float64Var(&l.frame, "frame", 0.02, "seconds from a frame of emissions to the next, where they are another system's")
	f.BoolVar(&l.logits, "logits", false, "another system's emissions are logits: take their log-softmax")
}

// listen opens a run's folder, an ONNX model or a folder of Hugging Face, or a file of tokens for files of emissions.
func listen(path string, flags listenFlags) (*read.Emitter, error) {
	if !(flags.frame > 0 && flags.frame < 1e6) {
		return nil, usagef("--frame is %v; it must be above 0", flags.frame)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && strings.EqualFold(filepath.Ext(path), ".onnx") || huggingface.Is(path) {
		return read.ONNXEmitter(path)
	}
	if !info.IsDir() {
		return read.OtherEmitter(path, flags.frame, flags.logits)
	}
	r, err := read.Open(path)
	if err != nil {
		return nil, err
	}
	return read.NewEmitter(r), nil
}

// listenRules says which of listenFlags count.
func listenRules(e *read.Emitter) []rule {
	const own = "the emissions are those of the model itself"
	return []rule{{"frame", e.TakesEmissions(), own}, {"logits", e.TakesEmissions(), own}}
}

// A spokenFile is a file to read, and what it says where that is known.
type spokenFile struct {
	path string
	text *string
}

// spokenFiles are files that were named, and those of a manifest.
func spokenFiles(named []string, manifest string) (all []spokenFile, err error) {
	for _, path := range named {
		all = append(all, spokenFile{path: path})
	}
	if manifest == "" {
		return all, nil
	}
	lines, err := audio.Manifest(manifest)
	for _, u := range lines {
		all = append(all, spokenFile{u.Path, &u.Text})
	}
	return all, err
}

// each does one file after the other. A file that fails is reported, on out, too, where that is of JSON lines, and the
// others are still done; the error then says how many failed.
func each(out, warn io.Writer, files []spokenFile, asJSON bool, do func(f spokenFile) error) error {
	failed := 0
	for _, f := range files {
		err := do(f)
		if err == nil {
			continue
		}
		failed++
		fmt.Fprintf(warn, "energo: %v\n", err)
		if err := printJSON(out, fileError{f.path, err.Error()}, asJSON); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d files could not be read", failed, len(files))
	}
	return nil
}

// fileError is a line of --json for a file that can't be read.
type fileError struct {
	File  string `json:"file"`
	Error string `json:"error"`
}
