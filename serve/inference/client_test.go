package inference

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/peer"
)

// Triton's own client asks in each of its forms, and is answered as the models are by a direct run.
func TestTritonClient(t *testing.T) {
	python, err := peer.Python("python3", "tritonclient.http")
	if err != nil {
		t.Skip(err, "(pip install 'tritonclient[http]')")
	}
	o := options(t)
	for _, d := range datatypes {
		if d.kind != format.BFloat16 { // which NumPy does not have
			o.Models[d.name] = one(t, "Identity", d.kind, -1, 3)
		}
	}
	var questions []map[string]any
	rng := rand.New(rand.NewPCG(9, 10))
	for name, net := range o.Models {
		in := net.Inputs[0]
		v, err := value.New(in.Kind, 2, in.Shape[1].Size)
		if err != nil {
			t.Fatal(err)
		}
		if madeUp(rng, v); in.Kind == format.Int64 {
			value.Data[int64](v)[1] = -1 << 62
		}
		out, err := net.Run(map[string]*value.Value{"x": v})
		if err != nil {
			t.Fatal(err)
		}
		kind, _ := datatype(in.Kind)
		questions = append(questions, map[string]any{"model": name, "datatype": kind, "shape": v.Shape, "data": mustElements(t, v), "want": mustElements(t, out[net.Outputs[0].Name])})
	}
	_, at := start(t, o)
	text, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "../../oracle/inference_client.py", strings.TrimPrefix(at, "http://"))
	cmd.Stdin = bytes.NewReader(text)
	said, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "answers") {
		t.Errorf("%v: %s", err, said)
	}
	t.Logf("%s", said)
}

func mustElements(t *testing.T, v *value.Value) any {
	t.Helper()
	x, err := elements("x", v)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
