package huggingface_test

import (
	"fmt"
	"log"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// A folder of sentence-transformers becomes a model of tokens, whose last output is a vector for each text.
func Example() {
	f, err := huggingface.Read("testdata/sentences")
	if err != nil {
		log.Fatal(err)
	}
	m, err := onnx.New(f, nil)
	if err != nil {
		log.Fatal(err)
	}
	ids, _ := value.Of([]int64{2, 7, 19, 3}, 1, 4)
	mask, _ := value.Of([]int64{1, 1, 1, 1}, 1, 4)
	types, _ := value.Of([]int64{0, 0, 0, 0}, 1, 4)
	y, err := m.Run(map[string]*value.Value{"input_ids": ids, "attention_mask": mask, "token_type_ids": types})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Outputs[2], y["sentence_embedding"].Shape)
	// Output: sentence_embedding float[batch,8] [1 8]
}
