// Package sentence turns texts into vectors, by which texts that mean the same are near one another: networks such as BERT behind a tokenizer, as
// sentence-transformers saves them.
package sentence

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/seq/token"
)

// TokenizerFile stands in the folder of a model of texts.
const TokenizerFile = "tokenizer.json"

// The inputs of a network of texts, all int64 [texts, tokens].
const (
	inputIDs   = "input_ids"
	inputMask  = "attention_mask" // 1
	inputTypes = "token_type_ids" // 0
)

// output is what the vectors are called where the model has several outputs.
const output = "sentence_embedding"

// An Encoder turns texts into vectors. Its methods may be called from several goroutines at once, which take turns.
type Encoder struct {
	model *onnx.Model
	coder *token.Coder
	most  int // tokens of a text
	dim   int
	out   int // the index of the output
}

// Is tells whether a path is a model of texts: a folder of Hugging Face, or an ONNX file, with a tokenizer.json in the same folder.
func Is(path string) bool {
	dir := path
	if !huggingface.Is(path) {
		if filepath.Ext(path) != ".onnx" {
			return false
		}
		dir = filepath.Dir(path)
	}
	info, err := os.Stat(filepath.Join(dir, TokenizerFile))
	return err == nil && info.Mode().IsRegular()
}

// Open opens a folder of Hugging Face whose modules.json says how the tokens' vectors become one (package huggingface), or an ONNX file that gives a vector for each text, with a
// tokenizer.json beside it. A text has at most as many tokens as sentence_bert_config.json (max_seq_length), tokenizer_config.json (model_max_length), the tokenizer (truncation) and config.json (max_position_embeddings) allow, and 8192.
//
// Errors name the file: those of onnx.Open and token.OpenCoder; a model with other inputs than those of texts, or without vectors of texts; one that cannot be run.
func Open(path string) (*Encoder, error) {
	dir := path
	if !huggingface.Is(path) {
		dir = filepath.Dir(path)
	}
	coder, err := token.OpenCoder(filepath.Join(dir, TokenizerFile))
	if err != nil {
		return nil, err
	}
	model, err := onnx.Open(path, nil)
	if err != nil {
		return nil, err
	}
	e := &Encoder{model: model, coder: coder}
	if err := e.settle(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := e.bound(dir); err != nil {
		return nil, err
	}
	if err := e.run([][]int{{0}}, func(out *value.Value) error {
		e.dim = out.Len()
		return nil
	}); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if e.dim == 0 {
		return nil, fmt.Errorf("%s: output %q has no numbers", path, e.model.Outputs[e.out].Name)
	}
	return e, nil
}

// settle finds the inputs and the output.
func (e *Encoder) settle() error {
	known := []string{inputIDs, inputMask, inputTypes}
	ids := false
	for _, p := range e.model.Inputs {
		ids = ids || p.Name == inputIDs
		if !slices.Contains(known, p.Name) && !p.Optional {
			return fmt.Errorf("it needs the input %q; a model of texts takes %s, %s and %s", p.Name, inputIDs, inputMask, inputTypes)
		}
	}
	if !ids {
		return fmt.Errorf("it has no input %s, as models of texts have", inputIDs)
	}
	vectors := func(p onnx.Port) bool { return p.HasShape && len(p.Shape) == 2 }
	e.out = slices.IndexFunc(e.model.Outputs, func(p onnx.Port) bool { return p.Name == output && vectors(p) })
	if e.out < 0 && len(e.model.Outputs) == 1 && vectors(e.model.Outputs[0]) {
		e.out = 0
	}
	if e.out < 0 {
		return fmt.Errorf("it gives no one vector for a text: it must have the output %s, or only one, of [texts, numbers]; a folder of sentence-transformers has modules.json, which says how tokens are pooled", output)
	}
	return nil
}

// maxTokens is how many tokens a text may have where no file says fewer: the work grows with the square.
const maxTokens = 8192

// bound settles how many tokens a text may have.
func (e *Encoder) bound(dir string) error {
	e.most = e.coder.Most
	lower := func(n int) {
		if n > 0 && (e.most == 0 || n < e.most) {
			e.most = n
		}
	}
	var sentences struct {
		Most int `json:"max_seq_length"`
	}
	var config struct {
		Kind   string `json:"model_type"`
		Places int    `json:"max_position_embeddings"`
		Pad    int    `json:"pad_token_id"`
	}
	var tokenizer struct {
		Most float64 `json:"model_max_length"` // 10³⁰ where there is no bound
	}
	config.Pad = 1
	if err := errors.Join(optional(filepath.Join(dir, "tokenizer_config.json"), &tokenizer), optional(filepath.Join(dir, "sentence_bert_config.json"), &sentences), optional(filepath.Join(dir, "config.json"), &config)); err != nil {
		return err
	}
	lower(sentences.Most)
	if tokenizer.Most <= maxTokens {
		lower(int(tokenizer.Most))
	}
	if slices.Contains([]string{"roberta", "xlm-roberta", "mpnet"}, config.Kind) { // whose places begin behind that of padding
		config.Places -= config.Pad + 1
	}
	lower(config.Places)
	lower(maxTokens)
	return nil
}

// optional reads a file of JSON that may be missing.
func optional(path string, to any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, excerpt.Error(err))
	}
	return nil
}

// Dim is how many coordinates a vector has.
func (e *Encoder) Dim() int { return e.dim }

// Tokens returns the numbers of a text's tokens, with the special ones.
//
// Errors: a text that the tokenizer cannot spell; more tokens than the model takes; none.
func (e *Encoder) Tokens(text string) ([]int, error) {
	ids, err := e.coder.Code(text)
	switch {
	case err != nil:
		return nil, err
	case len(ids) == 0:
		return nil, errors.New("the text is empty; it must have a token")
	}
	return ids, e.Check(ids)
}

// Check refuses tokens that the model does not have, and more than it takes.
func (e *Encoder) Check(ids []int) error {
	if len(ids) == 0 {
		return errors.New("there are no tokens; there must be one at least")
	}
	if len(ids) > e.most {
		return fmt.Errorf("the text has %d tokens; the model takes at most %d", len(ids), e.most)
	}
	for i, id := range ids {
		if id < 0 || id >= e.coder.Tokens() {
			return fmt.Errorf("token %d is %d; it must be from 0 to %d", i, id, e.coder.Tokens()-1)
		}
	}
	return nil
}

// together is how many tokens go through the network together, but for those of one text.
const together = 2048

// Encode writes the vectors of texts, each of which is its tokens, to dst, Dim elements each. Texts of one length go through the network together, so that none is
// filled up.
//
// Errors: dst of another length; those of Check, with the place of the text; a vector that is not finite.
func (e *Encoder) Encode(dst []float32, texts [][]int) error {
	if len(dst) != len(texts)*e.dim {
		return fmt.Errorf("Encode: dst has %d elements; it must have %d, %d for each of %d texts", len(dst), len(texts)*e.dim, e.dim, len(texts))
	}
	order := make([]int, len(texts))
	for i, ids := range texts {
		order[i] = i
		if err := e.Check(ids); err != nil {
			return fmt.Errorf("Encode: text %d: %w", i, err)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return len(texts[i]) - len(texts[j]) })
	for len(order) > 0 {
		n, length := 1, len(texts[order[0]])
		for n < len(order) && len(texts[order[n]]) == length && (n+1)*length <= together {
			n++
		}
		batch := make([][]int, n)
		for i, at := range order[:n] {
			batch[i] = texts[at]
		}
		if err := e.run(batch, func(out *value.Value) error {
			if out.Len() != n*e.dim {
				return fmt.Errorf("output %q has the shape %v; it must have %d numbers for each of %d texts", e.model.Outputs[e.out].Name, out.Shape, e.dim, n)
			}
			all := value.Data[float32](out)
			if simd.HasNonFinite(all) {
				return errors.New("a vector is not finite")
			}
			for i, at := range order[:n] {
				copy(dst[at*e.dim:][:e.dim], all[i*e.dim:])
			}
			return nil
		}); err != nil {
			return fmt.Errorf("Encode: %w", err)
		}
		order = order[n:]
	}
	return nil
}

// run gives the vectors of texts of one length.
func (e *Encoder) run(texts [][]int, use func(out *value.Value) error) error {
	n, length := len(texts), len(texts[0])
	inputs := make([]*value.Value, len(e.model.Inputs))
	for i, p := range e.model.Inputs {
		x := make([]int64, n*length)
		switch p.Name {
		case inputIDs:
			for j, ids := range texts {
				for k, id := range ids {
					x[j*length+k] = int64(id)
				}
			}
		case inputMask:
			for j := range x {
				x[j] = 1
			}
		case inputTypes:
		default:
			continue
		}
		v, err := value.Of(x, n, length)
		if err != nil {
			return err
		}
		inputs[i] = v
	}
	return e.model.RunFunc(inputs, func(outputs []*value.Value) error {
		out := outputs[e.out]
		if out.Memory() != value.F32 {
			return fmt.Errorf("output %q is %s; vectors must be of floats", e.model.Outputs[e.out].Name, out.Kind)
		}
		return use(out)
	})
}
