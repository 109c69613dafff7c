package read

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"go.yaml.in/yaml/v3"
)

// IsSpeech reports whether a path is that of a model of speech, by what stands beside its weights: the folder of a reader of recordings, an ONNX model whose
// card or metadata says features, or a folder in the form of Hugging Face of an architecture …ForCTC. Whether it can be opened is another matter.
func IsSpeech(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return err == nil && strings.EqualFold(filepath.Ext(path), ".onnx") && (cardSaysFeatures(path) || metadataSaysFeatures(path))
	}
	var reader struct{ Speech *json.RawMessage }
	if readsJSON(filepath.Join(path, CardFile), &reader) {
		return reader.Speech != nil
	}
	var config struct{ Architectures []string }
	return readsJSON(filepath.Join(path, "config.json"), &config) && slices.ContainsFunc(config.Architectures, func(name string) bool { return strings.HasSuffix(name, "ForCTC") })
}

// OpenEmitter opens a model by what stands at a path: an ONNX file or a folder in the form of Hugging Face (ONNXEmitter), or the folder of a run or of Save (Open).
func OpenEmitter(path string) (*Emitter, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && strings.EqualFold(filepath.Ext(path), ".onnx") || huggingface.Is(path) {
		return ONNXEmitter(path)
	}
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	return NewEmitter(r), nil
}

func readsJSON(path string, v any) bool {
	text, err := os.ReadFile(path)
	return err == nil && json.Unmarshal(text, v) == nil
}

func cardSaysFeatures(path string) bool {
	text, err := os.ReadFile(strings.TrimSuffix(path, filepath.Ext(path)) + CardEnding)
	var keys map[string]any
	return err == nil && yaml.Unmarshal(text, &keys) == nil && keys["features"] != nil
}

func metadataSaysFeatures(path string) bool {
	f, err := format.ReadFile(path)
	return err == nil && slices.ContainsFunc(f.Metadata, func(e format.Entry) bool { return e.Key == "features" })
}
