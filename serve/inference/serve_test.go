package inference

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/internal/openapitest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The pool of kernel workers stays for the life of a program.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/energo-ml/energo/internal/simd.(*helper).serve"))
}

// mlp is a network of two layers from 4 numbers to 2.
func mlp(t testing.TB) *onnx.Model {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	net := nn.NewSequential(nn.NewLinear(4, 8, rng), nn.Tanh{}, nn.NewLinear(8, 2, rng))
	g := export.New("scores", "Scores of two classes.")
	x := g.Input(export.Port{Name: "x", Doc: "four measurements", Shape: "batch,4"})
	g.Output(export.Port{Name: "scores", Doc: "a score for each class", Shape: "batch,2"}, g.Module(net, x))
	f, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, f)
}

func opened(t testing.TB, f *format.Model) *onnx.Model {
	t.Helper()
	m, err := onnx.New(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// one is a model of one operator, from x to y of one kind and shape; −1 is free.
func one(t testing.TB, op string, kind format.DataType, shape ...int) *onnx.Model {
	t.Helper()
	typ := &format.Type{Elem: kind, HasShape: true}
	for i, n := range shape {
		d := format.Dim{Size: n}
		if n < 0 {
			d.Name = "d" + strconv.Itoa(i)
		}
		typ.Shape = append(typ.Shape, d)
	}
	return opened(t, &format.Model{IRVersion: 8, Opsets: []format.Opset{{Version: 17}}, Graph: &format.Graph{
		Name:    "one",
		Nodes:   []*format.Node{{Op: op, Inputs: []string{"x"}, Outputs: []string{"y"}, Attributes: attributes(op)}},
		Inputs:  []*format.ValueInfo{{Name: "x", Type: typ}},
		Outputs: []*format.ValueInfo{{Name: "y", Type: typ}},
	}})
}

// attributes has softmax go along the first dimension, which mixes rows.
func attributes(op string) []*format.Attribute {
	if op == "Softmax" {
		return []*format.Attribute{{Name: "axis", Type: format.AttrInt, Int: 0}}
	}
	return nil
}

// setup is what a test serves.
type setup struct {
	Models  map[string]*onnx.Model
	Version string
	Model   // the settings of all
}

// mount has a server answer for models.
func (o *setup) mount(server *serve.Server) error {
	s, err := Mount(server, o.Version)
	if err != nil {
		return err
	}
	for name, net := range o.Models {
		m := o.Model
		m.Net = net
		if _, err := s.Put(name, m); err != nil {
			return err
		}
	}
	return nil
}

// start serves models until the test ends, once they are warm.
func start(t testing.TB, o setup) (*serve.Server, string) {
	t.Helper()
	server, err := serve.New(t.Context(), serve.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.mount(server); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		web.Close()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	warm(t, server)
	return server, web.URL
}

// warm waits until a server's models are.
func warm(t testing.TB, server *serve.Server) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); server.Ready(t.Context()) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the models do not become ready")
		}
	}
}

// options serves the network of two layers, as "mlp".
func options(t testing.TB) setup { return setup{Models: map[string]*onnx.Model{"mlp": mlp(t)}} }

type reply struct {
	status int
	header http.Header
	text   string
}

// ask sends a request, and holds it and its answer to the server's description.
func ask(t testing.TB, method, url string, body []byte, header ...string) reply {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	sent := body
	if r.Header.Get(lengthHeader) != "" {
		sent = nil
	}
	got := openapitest.Do(t, r, sent)
	return reply{got.Status, got.Header, got.Text}
}

// binaryParts cuts an answer behind its JSON.
func binaryParts(t testing.TB, r reply) (a testAnswer, raw []byte) {
	t.Helper()
	text := []byte(r.text)
	if n := r.header.Get(lengthHeader); n != "" {
		size, err := strconv.Atoi(n)
		if err != nil || size > len(text) {
			t.Fatalf("%s is %q of %d bytes", lengthHeader, n, len(text))
		}
		text, raw = text[:size], text[size:]
	}
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return a, raw
}

type testAnswer struct {
	Model   string `json:"model_name"`
	Version string `json:"model_version"`
	ID      string
	Outputs []struct {
		Name, Datatype string
		Shape          []int
		Parameters     map[string]int
		Data           json.RawMessage
	}
}

func TestMetadata(t *testing.T) {
	_, at := start(t, setup{Models: map[string]*onnx.Model{"mlp": mlp(t), "half": one(t, "Identity", format.Float16, -1, 3)}, Version: "v9"})
	for path, want := range map[string]string{
		"/v2":                             `{"extensions":["binary_tensor_data"],"name":"energo","version":"v9"}`,
		"/v2/health/live":                 `{"live":true}`,
		"/v2/health/ready":                `{"ready":true}`,
		"/v2/models/mlp/ready":            `{"name":"mlp","ready":true}`,
		"/v2/models/mlp/versions/1/ready": `{"name":"mlp","ready":true}`,
		"/v2/models/mlp":                  `{"inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],"name":"mlp","outputs":[{"name":"scores","datatype":"FP32","shape":[-1,2]}],"platform":"energo_onnx","versions":["1"]}`,
		"/v2/models/half/versions/1":      `{"inputs":[{"name":"x","datatype":"FP16","shape":[-1,3]}],"name":"half","outputs":[{"name":"y","datatype":"FP16","shape":[-1,3]}],"platform":"energo_onnx","versions":["1"]}`,
	} {
		if r := ask(t, "GET", at+path, nil); r.status != 200 || strings.TrimSpace(r.text) != want {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	for _, path := range []string{"/v2/models/other", "/v2/models/other/ready", "/v2/models/mlp/versions/2", "/v2/models/mlp/versions/2/ready"} {
		if r := ask(t, "GET", at+path, nil); r.status != 404 || !strings.Contains(r.text, `{"error":"`) {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
}

// list gives elements as nested lists of a shape, or flat.
func list(v *value.Value, nested bool) string {
	data, err := elements("x", v)
	if err != nil {
		panic(err)
	}
	var flat []json.RawMessage
	text, _ := json.Marshal(data)
	if err := json.Unmarshal(text, &flat); err != nil {
		panic(err)
	}
	if !nested {
		return string(text)
	}
	var lists func(shape []int) string
	lists = func(shape []int) string {
		if len(shape) == 0 {
			x := flat[0]
			flat = flat[1:]
			return string(x)
		}
		var all []string
		for range shape[0] {
			all = append(all, lists(shape[1:]))
		}
		return "[ " + strings.Join(all, " ,") + "\n]"
	}
	return lists(v.Shape)
}

// random fills v with numbers of its kind, near and far.
func random(rng *rand.Rand, v *value.Value) {
	raw := v.Tensor("").Raw
	for i := range raw {
		raw[i] = byte(rng.Uint32())
		if v.Kind == format.Bool {
			raw[i] &= 1
		}
	}
	w, err := value.FromTensor(&format.Tensor{Type: v.Kind, Dims: v.Shape, Raw: raw})
	if err != nil {
		panic(err)
	}
	v.CopyFrom(w)
	switch v.Memory() { // JSON has finite numbers alone
	case value.F32:
		for i, x := range value.Data[float32](v) {
			if y := float64(x); math.IsNaN(y) || math.IsInf(y, 0) {
				value.Data[float32](v)[i] = 0.5
			}
		}
	case value.F64:
		for i, x := range value.Data[float64](v) {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				value.Data[float64](v)[i] = 0.5
			}
		}
	}
}

// Every type, in every form, comes back bit for bit from a model that changes nothing.
func TestForms(t *testing.T) {
	models := map[string]*onnx.Model{}
	for _, d := range datatypes {
		models[d.name] = one(t, "Identity", d.kind, -1, 3, -1)
	}
	_, at := start(t, setup{Models: models})
	rng := rand.New(rand.NewPCG(3, 4))
	for _, d := range datatypes {
		for range 6 {
			v, err := value.New(d.kind, 1+rng.IntN(3), 3, 1+rng.IntN(4))
			if err != nil {
				t.Fatal(err)
			}
			random(rng, v)
			want := v.Tensor("").Raw
			shape, _ := json.Marshal(v.Shape)
			head := fmt.Sprintf(`{"id":"é 7","inputs":[{"name":"x","shape":%s,"datatype":%q`, shape, d.name)
			for _, nested := range []bool{false, true} {
				for _, asBytes := range []bool{false, true} {
					body := head + fmt.Sprintf(`,"data":%s}],"parameters":{"binary_data_output":%v}}`, list(v, nested), asBytes)
					compare(t, ask(t, "POST", at+"/v2/models/"+d.name+"/infer", []byte(body)), v, want, asBytes)
				}
			}
			text := head + fmt.Sprintf(`,"parameters":{"binary_data_size":%d}}],"outputs":[{"name":"y","parameters":{"binary_data":true}}]}`, len(want))
			body := append([]byte(text), want...)
			r := ask(t, "POST", at+"/v2/models/"+d.name+"/versions/1/infer", body, "Content-Type", "application/octet-stream", lengthHeader, strconv.Itoa(len(text)))
			compare(t, r, v, want, true)
		}
	}
}

func compare(t *testing.T, r reply, v *value.Value, want []byte, asBytes bool) {
	t.Helper()
	name, _ := datatype(v.Kind)
	if r.status != 200 {
		t.Fatalf("%s %v: %d %s", name, v.Shape, r.status, r.text)
	}
	a, raw := binaryParts(t, r)
	out := a.Outputs[0]
	if a.Model != name || a.Version != "1" || a.ID != "é 7" || out.Name != "y" || out.Datatype != name || fmt.Sprint(out.Shape) != fmt.Sprint(v.Shape) {
		t.Fatalf("%s: %+v", name, a)
	}
	if asBytes {
		if !bytes.Equal(raw, want) || out.Parameters["binary_data_size"] != len(want) || out.Data != nil {
			t.Fatalf("%s: bytes %x, want %x; %v", name, raw, want, out)
		}
		return
	}
	got, err := fromList("data", v.Kind, v.Shape, out.Data)
	if err != nil || !bytes.Equal(got.Tensor("").Raw, want) {
		t.Fatalf("%s: %s is not %v: %v", name, out.Data, v, err)
	}
}

func floatBytes(x ...float32) []byte {
	var b []byte
	for _, f := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}
