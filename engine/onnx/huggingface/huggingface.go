// Package huggingface makes ONNX models of folders in the form of Hugging Face: config.json says what the network is, and
// model.safetensors (or its shards, or pytorch_model.bin) has the weights. The network is written as a graph, node by node, for each of the architectures below;
// nothing of the folder is executed.
//
// Architectures: those of Architectures. The inputs, the outputs and their names are those of the library transformers. Constants have the names of
// the weights. Where a folder says how pictures or sounds are prepared (preprocessor_config.json), how tokens are pooled (modules.json of
// sentence-transformers) or what tokens the classes are (vocab.json), the model's metadata do, too.
package huggingface

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
)

// configFile is what makes a folder one of these.
const configFile = "config.json"

// maxConfig bounds files of settings, in bytes.
const maxConfig = 1 << 24

// An architecture is a network that can be built.
type architecture struct {
	base  string // under which name the weights of the network without a head stand where it has one
	build func(*builder)
}

// architectures are those of the library transformers that can be built, by the names of their classes.
var architectures = map[string]architecture{
	"BertModel":                           {"bert", bert},
	"BertForMaskedLM":                     {"bert", bert},
	"BertForPreTraining":                  {"bert", bert},
	"BertForSequenceClassification":       {"bert", bertForSequences},
	"BertForTokenClassification":          {"bert", bertForTokens},
	"DistilBertModel":                     {"distilbert", distilbert},
	"DistilBertForMaskedLM":               {"distilbert", distilbert},
	"DistilBertForSequenceClassification": {"distilbert", distilbertForSequences},
	"MPNetModel":                          {"mpnet", mpnet},
	"MPNetForMaskedLM":                    {"mpnet", mpnet},
	"RobertaModel":                        {"roberta", roberta},
	"RobertaForMaskedLM":                  {"roberta", roberta},
	"RobertaForSequenceClassification":    {"roberta", robertaForSequences},
	"XLMRobertaModel":                     {"roberta", roberta},
	"XLMRobertaForMaskedLM":               {"roberta", roberta},
	"XLMRobertaForSequenceClassification": {"roberta", robertaForSequences},

	"DeiTModel":                             {"deit", deit},
	"DeiTForImageClassification":            {"deit", deitForImages},
	"DeiTForImageClassificationWithTeacher": {"deit", deitForImagesWithTeacher},
	"MobileNetV2Model":                      {"mobilenet_v2", mobilenet},
	"MobileNetV2ForImageClassification":     {"mobilenet_v2", mobilenetForImages},
	"ResNetModel":                           {"resnet", resnet},
	"ResNetForImageClassification":          {"resnet", resnetForImages},
	"ViTModel":                              {"vit", vit},
	"ViTForImageClassification":             {"vit", vitForImages},

	"HubertForCTC":   {"hubert", wav2vecForCTC},
	"HubertModel":    {"hubert", wav2vec},
	"Wav2Vec2ForCTC": {"wav2vec2", wav2vecForCTC},
	"Wav2Vec2Model":  {"wav2vec2", wav2vec},
}

// Architectures returns the names of the classes that can be built.
func Architectures() []string { return slices.Sorted(maps.Keys(architectures)) }

// Is reports whether a path is a folder with a config.json.
func Is(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	info, err = os.Stat(filepath.Join(path, configFile))
	return err == nil && info.Mode().IsRegular()
}

// Read makes a model of a folder. Weights that the network does not use are passed over.
//
// Errors name the file: a config.json that is not one, or of an architecture or a setting that cannot be built, by name; weights that are missing,
// cannot be read or have another shape.
func Read(dir string) (*format.Model, error) {
	path := filepath.Join(dir, configFile)
	b := &builder{dir: dir, path: path}
	if err := readJSON(path, &b.settings); err != nil {
		return nil, err
	}
	name, a, err := choose(b.settings)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if b.weights, err = readWeights(dir); err != nil {
		return nil, err
	}
	if base := a.base + "."; slices.ContainsFunc(slices.Collect(maps.Keys(b.weights)), func(n string) bool { return strings.HasPrefix(n, base) }) {
		b.base = base
	}
	b.Graph = export.New(name, "A network of the architecture "+name+".")
	a.build(b)
	if b.err != nil {
		return nil, b.err
	}
	m, err := b.Model()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return m, nil
}

// choose returns the architecture that the settings name.
func choose(settings json.RawMessage) (string, architecture, error) {
	var s struct {
		Architectures []string `json:"architectures"`
		ModelType     string   `json:"model_type"`
	}
	if err := json.Unmarshal(settings, &s); err != nil {
		return "", architecture{}, err
	}
	if len(s.Architectures) == 0 {
		return "", architecture{}, fmt.Errorf("architectures names none (model_type is %q); it must be one of %s", excerpt.Of(s.ModelType), strings.Join(Architectures(), ", "))
	}
	name := s.Architectures[0]
	a, ok := architectures[name]
	if !ok {
		return "", a, fmt.Errorf("the architecture is %q; it must be one of %s", excerpt.Of(name), strings.Join(Architectures(), ", "))
	}
	return name, a, nil
}

// readJSON reads an object.
func readJSON(path string, v any) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxConfig {
		return fmt.Errorf("%s: it must be a file of no more than %d bytes", path, maxConfig)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", path, excerpt.Error(err))
	}
	return nil
}

// readOptional is readJSON for a file that may be missing.
func readOptional(path string, v any) (there bool, err error) {
	err = readJSON(path, v)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Files of weights, the first that is there being read: whole ones, and lists of which file has which.
var weightFiles = []string{"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"}

// readWeights reads the weights of a folder, by their names.
func readWeights(dir string) (map[string]*tensor.Tensor, error) {
	for _, name := range weightFiles {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if strings.HasSuffix(name, ".json") {
			return readShards(dir, path)
		}
		weights := map[string]*tensor.Tensor{}
		return weights, addWeights(path, weights, nil)
	}
	return nil, fmt.Errorf("%s: there are no weights; one of the files %s must be there", dir, strings.Join(weightFiles, ", "))
}

// longestName bounds the names of files, in bytes, as file systems do.
const longestName = 255

// readShards reads weights that stand in several files of the folder.
func readShards(dir, index string) (map[string]*tensor.Tensor, error) {
	var list struct {
		Files map[string]string `json:"weight_map"`
	}
	if err := readJSON(index, &list); err != nil {
		return nil, err
	}
	if len(list.Files) == 0 {
		return nil, fmt.Errorf("%s: weight_map names no weights", index)
	}
	byFile := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(list.Files)) {
		file := list.Files[name]
		if len(file) > longestName {
			return nil, fmt.Errorf("%s: %q is in %q; the names of files have at most %d bytes", index, excerpt.Of(name), excerpt.Of(file), longestName)
		}
		if file != filepath.Base(file) || !filepath.IsLocal(file) {
			return nil, fmt.Errorf("%s: %q is in %q; it must be in a file of the folder itself", index, excerpt.Of(name), excerpt.Of(file))
		}
		byFile[file] = append(byFile[file], name)
	}
	weights := map[string]*tensor.Tensor{}
	for _, file := range slices.Sorted(maps.Keys(byFile)) {
		names := byFile[file]
		slices.Sort(names)
		if err := addWeights(filepath.Join(dir, file), weights, names); err != nil {
			return nil, fmt.Errorf("%s: %w", index, err)
		}
	}
	return weights, nil
}

// addWeights reads a file, of which those names are taken, or all. Old files call the weight and bias of norms gamma and beta.
func addWeights(path string, weights map[string]*tensor.Tensor, names []string) error {
	f, err := tensor.ReadFile(path)
	if err != nil {
		return err
	}
	for _, n := range f.Tensors {
		if names == nil || slices.Contains(names, n.Name) {
			weights[modern(n.Name)] = n.Tensor
		}
	}
	for _, n := range names {
		if weights[modern(n)] == nil {
			return fmt.Errorf("%s has no tensor %q", path, excerpt.Of(n))
		}
	}
	return nil
}

// modern is the name that a weight has today.
func modern(name string) string {
	if rest, ok := strings.CutSuffix(name, "LayerNorm.gamma"); ok {
		return rest + "LayerNorm.weight"
	}
	if rest, ok := strings.CutSuffix(name, "LayerNorm.beta"); ok {
		return rest + "LayerNorm.bias"
	}
	return name
}

// Labels returns the names of the classes that the config.json of a folder has, in the order of the logits; nil where it has none.
//
// Errors name the file: a config.json that is not one; names for other numbers than those from 0 on.
func Labels(dir string) ([]string, error) {
	var c struct {
		Names map[string]string `json:"id2label"`
	}
	path := filepath.Join(dir, configFile)
	if err := readJSON(path, &c); err != nil {
		return nil, err
	}
	var labels []string
	for i := range len(c.Names) {
		name, ok := c.Names[fmt.Sprint(i)]
		if !ok {
			return nil, fmt.Errorf("%s: id2label has %d names, but none for %d", path, len(c.Names), i)
		}
		labels = append(labels, name)
	}
	return labels, nil
}
