package huggingface_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/tensor"
)

// open makes a model of a folder.
func open(t *testing.T, dir string) *onnx.Model {
	t.Helper()
	m, err := onnx.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Every folder gives what transformers gives of the same inputs (oracle/hf_folders.py), to 10⁻⁵.
func TestFolders(t *testing.T) {
	for _, name := range []string{
		"sentences", "shards", "bert-sequences", "bert-tokens", "distilbert", "distilbert-sequences", "roberta", "roberta-sequences", "mpnet",
		"resnet-basic", "resnet-bottleneck", "resnet-early", "mobilenet", "mobilenet-pads", "vit", "vit-classes", "deit", "deit-classes", "deit-teacher",
		"wav2vec", "wav2vec-stable", "wav2vec-body", "hubert",
	} {
		t.Run(name, func(t *testing.T) { compare(t, "testdata/"+name, name) })
	}
}

// compare holds the outputs of a folder against those of a golden file.
func compare(t *testing.T, dir, name string) {
	t.Helper()
	golden, err := tensor.ReadFile("testdata/" + name + ".safetensors")
	if err != nil {
		t.Fatal(err)
	}
	m := open(t, dir)
	inputs := map[string]*value.Value{}
	for _, p := range m.Inputs {
		x := golden.Get("in." + p.Name)
		if x == nil {
			t.Fatalf("the file has no input %q", p.Name)
		}
		inputs[p.Name] = valueOf(t, x, p.Kind)
	}
	outputs, err := m.Run(inputs)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, x := range golden.Tensors {
		out, ok := strings.CutPrefix(x.Name, "out.")
		if !ok {
			continue
		}
		n++
		if outputs[out] == nil {
			t.Errorf("there is no output %q", out)
			continue
		}
		if d := distance(outputs[out], x.Tensor); !(d < 1e-5) {
			t.Errorf("%s of %s differs by %g: %v, want %v", out, name, d, outputs[out], x.Tensor)
		}
	}
	if n == 0 || n != len(outputs) {
		t.Errorf("%d outputs of %d of %s were compared", n, len(outputs), name)
	}
}

// valueOf is a tensor with elements of another type.
func valueOf(t *testing.T, x *tensor.Tensor, kind format.DataType) *value.Value {
	t.Helper()
	all := x.Convert(tensor.Float64).Float64s()
	v, err := value.New(kind, x.Shape()...)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range all {
		if kind == format.Int64 {
			value.Data[int64](v)[i] = int64(e)
		} else {
			value.Data[float32](v)[i] = float32(e)
		}
	}
	return v
}

// distance is the greatest difference, relative to 1 + |want|; +∞ for other shapes.
func distance(got *value.Value, want *tensor.Tensor) (most float64) {
	if !slices.Equal(got.Shape, want.Shape()) {
		return math.Inf(1)
	}
	for i, w := range want.Convert(tensor.Float64).Float64s() {
		d := math.Abs(float64(value.Data[float32](got)[i])-w) / (1 + math.Abs(w))
		if !(d <= most) {
			most = d
		}
	}
	return most
}

// copyOf is a copy of a folder of the tests in which some files are others: nil removes one.
func copyOf(t *testing.T, name string, files map[string]any) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/"+name)); err != nil {
		t.Fatal(err)
	}
	for file, content := range files {
		path := filepath.Join(dir, file)
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		switch c := content.(type) {
		case string:
			if err := os.WriteFile(path, []byte(c), 0o600); err != nil {
				t.Fatal(err)
			}
		case map[string]any: // keys of a JSON object that are others
			old, err := os.ReadFile("testdata/" + name + "/" + file)
			if err != nil {
				t.Fatal(err)
			}
			var all map[string]any
			if err := json.Unmarshal(old, &all); err != nil {
				t.Fatal(err)
			}
			maps.Copy(all, c)
			text, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestReadRefuses(t *testing.T) {
	set := func(key string, v any) map[string]any { return map[string]any{"config.json": map[string]any{key: v}} }
	for _, c := range []struct {
		name, folder string
		files        map[string]any
		want         []string
	}{
		{"an unknown architecture", "sentences", set("architectures", []string{"LlamaForCausalLM"}), []string{"config.json", `"LlamaForCausalLM"`, "BertModel, ", "Wav2Vec2ForCTC"}},
		{"no architecture", "sentences", set("architectures", nil), []string{"names none", `"bert"`, "BertModel"}},
		{"no JSON", "sentences", map[string]any{"config.json": "{"}, []string{"config.json", "JSON"}},
		{"a list", "sentences", map[string]any{"config.json": "[]"}, []string{"config.json"}},
		{"no settings", "sentences", map[string]any{"config.json": nil}, []string{"config.json"}},
		{"a text for a number", "sentences", set("hidden_size", "8"), []string{"config.json", "hidden_size"}},
		{"a negative number", "sentences", set("num_hidden_layers", -1), []string{"the number of layers is -1; it must be from 0"}},
		{"more layers than weights", "sentences", set("num_hidden_layers", 3), []string{`"encoder.layer.2.attention.self.query.weight" is missing; by these settings its shape must be [8 8]`}},
		{"another width", "sentences", set("vocab_size", 31), []string{`"embeddings.word_embeddings.weight" has the shape [30 8]; by these settings it must be [31 8]`}},
		{"heads that do not divide", "sentences", set("num_attention_heads", 3), []string{"8 features are not a multiple of 3 heads"}},
		{"an unknown activation", "sentences", set("hidden_act", "mish"), []string{`"mish"`, "gelu"}},
		{"relative places", "sentences", set("position_embedding_type", "relative_key"), []string{"position_embedding_type", "relative_key", "absolute"}},
		{"more places than weights", "distilbert", set("max_position_embeddings", 17), []string{`"embeddings.position_embeddings.weight" has the shape [16 8]`}},
		{"no buckets", "mpnet", set("relative_attention_num_buckets", 0), []string{"relative_attention_num_buckets is 0"}},
		{"a decoder", "sentences", set("is_decoder", true), []string{"is_decoder is true"}},
		{"no weights", "sentences", map[string]any{"model.safetensors": nil}, []string{"no weights", "pytorch_model.bin"}},
		{"damaged weights", "sentences", map[string]any{"model.safetensors": "no weights"}, []string{"model.safetensors", "safetensors"}},
		{"another stage", "sentences", map[string]any{"modules.json": `[{"path":"","type":"sentence_transformers.models.Dense"}]`}, []string{"modules.json", "models.Dense"}},
		{"no pooling", "sentences", map[string]any{"modules.json": `[{"path":"","type":"sentence_transformers.models.Transformer"}]`}, []string{"modules.json", "Pooling"}},
		{"pooling twice", "sentences", map[string]any{"modules.json": `[{"path":"1_Pooling","type":"a.Pooling"},{"path":"1_Pooling","type":"a.Pooling"}]`}, []string{"second stage"}},
		{"another pooling", "sentences", map[string]any{"1_Pooling/config.json": `{"pooling_mode_max_tokens":true}`}, []string{"1_Pooling", "mean or the first"}},
		{"a stage elsewhere", "sentences", map[string]any{"modules.json": `[{"path":"../x","type":"a.Pooling"}]`}, []string{`"../x"`}},

		{"a shard elsewhere", "shards", map[string]any{"model.safetensors.index.json": `{"weight_map":{"a":"../model.safetensors"}}`}, []string{"index.json", `"../model.safetensors"`}},
		{"no shards", "shards", map[string]any{"model.safetensors.index.json": `{}`}, []string{"index.json", "names no weights"}},
		{"a shard that is missing", "shards", map[string]any{"model-00001-of-00003.safetensors": nil}, []string{"index.json", "model-00001-of-00003.safetensors"}},
		{"a weight that a shard has not", "shards", map[string]any{"model.safetensors.index.json": `{"weight_map":{"a":"model-00001-of-00003.safetensors"}}`}, []string{`no tensor "a"`}},

		{"more stages than depths", "resnet-basic", set("depths", []int{1, 1}), []string{"the number of depths is 2; it must be from 3 to 3"}},
		{"another kind of layers", "resnet-basic", set("layer_type", "wide"), []string{`layer_type is "wide"`}},
		{"a size of pictures", "resnet-basic", map[string]any{"preprocessor_config.json": `{"size":{"longest_edge":3}}`}, []string{"preprocessor_config.json", "longest_edge"}},
		{"another stride", "mobilenet", set("output_stride", 16), []string{"output_stride is 16"}},
		{"patches that are too large", "vit", set("patch_size", 32), []string{"patch_size is 32"}},
		{"another picture", "vit", set("image_size", 16), []string{`"embeddings.position_embeddings" has the shape [1 7 8]; by these settings it must be [1 5 8]`}},

		{"adapters", "wav2vec", set("adapter_attn_dim", 16), []string{"adapter_attn_dim is 16"}},
		{"another norm", "wav2vec", set("feat_extract_norm", "batch"), []string{`feat_extract_norm is "batch"`}},
		{"fewer strides", "wav2vec", set("conv_stride", []int{5}), []string{"the number of conv_stride is 1"}},
		{"a blank beyond the tokens", "wav2vec", set("pad_token_id", 6), []string{"pad_token_id is 6; it must be from 0 to 5"}},
		{"a token beyond them", "wav2vec", map[string]any{"vocab.json": `{"a":6}`}, []string{"vocab.json", `"a" is token 6`}},
		{"a token twice", "wav2vec", map[string]any{"vocab.json": `{"a":1,"b":1}`}, []string{"vocab.json", "is token 1", "each once"}},
		{"groups that do not divide", "wav2vec", set("num_conv_pos_embedding_groups", 3), []string{"original1", "has the shape [8 4 4]"}},
	} {
		_, err := huggingface.Read(copyOf(t, c.folder, c.files))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", c.name, err, want)
			}
		}
	}
}

// Old files call the weights of norms gamma and beta, and those of weight norm weight_g and weight_v; a file of a network with a head has a name before the network's weights.
func TestOldNames(t *testing.T) {
	norms := strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta")
	lengths := strings.NewReplacer("parametrizations.weight.original0", "weight_g", "parametrizations.weight.original1", "weight_v")
	for folder, rename := range map[string]func(string) string{
		"sentences":   func(name string) string { return "bert." + norms.Replace(name) },
		"bert-tokens": norms.Replace,
		"vit":         func(name string) string { return "vit." + name },
		"wav2vec":     lengths.Replace,
	} {
		f, err := tensor.ReadFile("testdata/" + folder + "/model.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range f.Tensors {
			f.Tensors[i].Name = rename(x.Name)
		}
		dir := copyOf(t, folder, map[string]any{"model.safetensors": nil})
		if err := tensor.WriteFile(filepath.Join(dir, "model.safetensors"), f); err != nil {
			t.Fatal(err)
		}
		compare(t, dir, folder)
	}
}

// More tokens than places are an error, not a wrong place.
func TestTooManyTokens(t *testing.T) {
	m := open(t, "testdata/sentences")
	inputs := map[string]*value.Value{}
	for _, p := range m.Inputs {
		x, err := value.New(p.Kind, 1, 17)
		if err != nil {
			t.Fatal(err)
		}
		inputs[p.Name] = x
	}
	if _, err := m.Run(inputs); err == nil || !strings.Contains(err.Error(), "16") {
		t.Errorf("%v, want an error about 16 places", err)
	}
}

// What the folders say of pictures and sounds stands in the metadata.
func TestMetadata(t *testing.T) {
	for folder, want := range map[string]map[string]string{
		"resnet-basic": {"mean": "[0.485,0.456,0.406]", "deviation": "[0.229,0.224,0.225]", "size": "[48,48]", "channels": `"rgb"`, "scale": "0.00392156862745098", "output": `"pooler_output"`},
		"vit-classes":  {"mean": "[0.5,0.5,0.5]", "size": "[16,16]"},
		"wav2vec":      {"tokens": `[""," ","a","b","\u003cunk\u003e","é"]`, "blank": "0", "emissions": `"logits"`, "features": `"waveform"`, "rate": "16000", "normalise": "true"},
	} {
		f, err := huggingface.Read("testdata/" + folder)
		if err != nil {
			t.Fatal(err)
		}
		for key, text := range want {
			if !slices.Contains(f.Metadata, format.Entry{Key: key, Value: text}) {
				t.Errorf("%s: %s is not %s: %v", folder, key, text, f.Metadata)
			}
		}
	}
}

func TestIs(t *testing.T) {
	for path, want := range map[string]bool{"testdata/sentences": true, "testdata": false, "testdata/sentences/config.json": false, "none": false} {
		if got := huggingface.Is(path); got != want {
			t.Errorf("Is(%q) is %v", path, got)
		}
	}
}
