package inference

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/serve"
)

const inferMLP = "/v2/models/mlp/infer"

// What is wrong is told in the protocol's form, with the place, the value and what is allowed.
func TestRefusals(t *testing.T) {
	o := options(t)
	o.Models["bool"] = one(t, "Identity", format.Bool, 2)
	o.Models["int8"] = one(t, "Identity", format.Int8, 2)
	o.Models["half"] = one(t, "Identity", format.Float16, 1)
	_, at := start(t, o)
	in := func(rest string) string { return `{"inputs":[{"name":"x",` + rest + `}]}` }
	good := `"shape":[1,4],"datatype":"FP32"`
	for _, c := range []struct {
		model, body, binary string
		status              int
		want                string
	}{
		{"mlp", `{"inputs":[`, "", 400, "the JSON ends early"},
		{"mlp", `[]`, "", 400, "must be an object"},
		{"mlp", `{"inputs":[],"sequence":1}`, "", 400, `unknown field "sequence"`},
		{"mlp", `{"inputs":[],"parameters":{"sequence_id":1}}`, "", 400, `unknown field "parameters.sequence_id"`},
		{"mlp", `{"inputs":[]}`, "", 400, `there is no "x"; the model takes x`},
		{"mlp", `{}`, "", 400, `there is no "x"`},
		{"mlp", in(good + `,"data":[1,2,3]`), "", 400, "inputs[0] (x).data has 3 elements; it must have 4"},
		{"mlp", in(good + `,"data":[1,2,3,4,5]`), "", 400, "inputs[0] (x).data has more than 4 elements"},
		{"mlp", in(good + `,"data":[[1,2],[3,4]]`), "", 400, "inputs[0] (x).data[0] has 2 elements; it must have 4"},
		{"mlp", in(good + `,"data":[[1,2,[3],4]]`), "", 400, "inputs[0] (x).data[0][2] is a list"},
		{"mlp", in(good + `,"data":[1,[2],3,4]`), "", 400, "inputs[0] (x).data[1] is a list"},
		{"mlp", in(good + `,"data":[[1,2,3,4],5]`), "", 400, "inputs[0] (x).data has more than 1 elements"},
		{"mlp", in(good + `,"data":[]`), "", 400, "data has fewer elements"},
		{"mlp", in(good + `,"data":[1,2,1e39,4]`), "", 400, "inputs[0] (x).data[2] is 1e39; it must be a number that a float32 can hold"},
		{"mlp", in(good + `,"data":[1,2,true,4]`), "", 400, "inputs[0] (x).data[2] is true"},
		{"mlp", in(good + `,"data":[1,2,"3]",4]`), "", 400, "inputs[0] (x).data[2] is a list, an object or a string"},
		{"mlp", in(good + `,"data":7`), "", 400, "it must be a list"},
		{"mlp", in(good), "", 400, "one of data and parameters.binary_data_size must be there"},
		{"mlp", in(`"datatype":"FP32","data":[1]`), "", 400, "inputs[0] (x): shape is missing"},
		{"mlp", in(`"shape":[4],"datatype":"FP32","data":[1,2,3,4]`), "", 400, "inputs[0] (x): shape is [4]; the model takes [-1 4]"},
		{"mlp", in(`"shape":[1,5],"datatype":"FP32","data":[1,2,3,4,5]`), "", 400, "shape is [1 5]; the model takes [-1 4]"},
		{"mlp", in(`"shape":[0,4],"datatype":"FP32","data":[]`), "", 400, "shape[0] is 0; it must be from 1 on"},
		{"mlp", in(`"shape":[-1,4],"datatype":"FP32","data":[]`), "", 400, "shape[0] is -1"},
		{"mlp", in(`"shape":[4611686018427387904,4],"datatype":"FP32","data":[1]`), "", 400, "shape[0] is 4611686018427387904"},
		{"mlp", in(`"shape":[1000000000,4],"datatype":"FP32","data":[1]`), "", 400, "data has fewer elements"},
		{"mlp", in(`"shape":[1,4],"datatype":"FP64","data":[1,2,3,4]`), "", 400, `datatype is "FP64"; the model takes FP32`},
		{"mlp", in(`"shape":[1,4],"datatype":"BYTES","data":["a"]`), "", 400, `datatype is "BYTES"; the model takes FP32`},
		{"mlp", `{"inputs":[{"name":"z","shape":[1],"datatype":"FP32","data":[1]}]}`, "", 400, `inputs[0]: the model has no input "z"; it has x`},
		{"mlp", `{"inputs":[{"name":"x"},{"name":"x"}]}`, "", 400, "inputs has more than 1 elements"},
		{"mlp", `{"id":"` + strings.Repeat("a", 2000) + `","inputs":[]}`, "", 400, "id has 2000 bytes; at most 1024"},
		{"mlp", `{"inputs":[],"outputs":[{"name":"y"}]}`, "", 400, `outputs[0]: the model has no output "y"; it has scores`},
		{"mlp", in(good + `,"parameters":{"binary_data_size":15}`), strings.Repeat("\x00", 15), 400, "binary_data_size is 15; 4 elements of FP32 have 16 bytes"},
		{"mlp", in(good + `,"parameters":{"binary_data_size":16}`), "abc", 400, "has 16 bytes, of which the binary part has 3 left"},
		{"mlp", in(good + `,"parameters":{"binary_data_size":16}`), strings.Repeat("\x00", 18), 400, "the binary part has 18 bytes, 2 more"},
		{"mlp", in(good + `,"data":[1,2,3,4],"parameters":{"binary_data_size":16}`), strings.Repeat("\x00", 16), 400, "one of data and"},
		{"bool", in(`"shape":[2],"datatype":"BOOL","parameters":{"binary_data_size":2}`), "\x01\x02", 400, "byte 1 is 2; a BOOL must be 0 or 1"},
		{"bool", in(`"shape":[2],"datatype":"BOOL","data":[true,1]`), "", 400, "data[1] is 1; it must be true or false"},
		{"int8", in(`"shape":[2],"datatype":"INT8","data":[1,128]`), "", 400, "data[1] is 128; it must be an integer from -128 to 127"},
		{"int8", in(`"shape":[2],"datatype":"INT8","data":[1.5,1]`), "", 400, "data[0] is 1.5; it must be an integer"},
		{"half", in(`"shape":[1],"datatype":"FP16","data":[70000]`), "", 400, "element 0 is larger than FP16 can hold"},
		{"half", in(`"shape":[1],"datatype":"FP16","parameters":{"binary_data_size":2}`), "\x00\x7e", 400, `element 0 of output "y" is NaN, which JSON does not have; ask for it with binary_data`},
		{"none", in(good), "", 404, `there is no model "none"; there are bool, half, int8, mlp`},
	} {
		var header []string
		if c.binary != "" {
			header = []string{lengthHeader, strconv.Itoa(len(c.body))}
		}
		r := ask(t, "POST", at+"/v2/models/"+c.model+"/infer", []byte(c.body+c.binary), header...)
		var said struct{ Error string }
		if err := json.Unmarshal([]byte(r.text), &said); err != nil || r.status != c.status || !strings.Contains(said.Error, c.want) {
			t.Errorf("%.80s: %d %s, want %d %q", c.body, r.status, r.text, c.status, c.want)
		}
	}
	for _, c := range [][]string{
		{"400", "Inference-Header-Content-Length is", lengthHeader, "100"},
		{"400", "Inference-Header-Content-Length is", lengthHeader, "-1"},
		{"415", "content encoding", "Content-Encoding", "gzip"},
		{"415", "content type", "Content-Type", "text/plain"},
		{"403", "another origin", "Sec-Fetch-Site", "cross-site"},
	} {
		r := ask(t, "POST", at+inferMLP, []byte(`{"inputs":[]}`), c[2:]...)
		if strconv.Itoa(r.status) != c[0] || !strings.HasPrefix(r.text, `{"error":"`) || !strings.Contains(r.text, c[1]) {
			t.Errorf("%v: %d %s", c, r.status, r.text)
		}
	}
}

// question is a request of rows of 4 numbers for the network of two layers, in the binary form.
func question(x []float32) (body []byte, length string) {
	text := fmt.Sprintf(`{"inputs":[{"name":"x","shape":[%d,4],"datatype":"FP32","parameters":{"binary_data_size":%d}}],"parameters":{"binary_data_output":true}}`, len(x)/4, 4*len(x))
	return append([]byte(text), floatBytes(x...)...), strconv.Itoa(len(text))
}

// Requests that come together go through the model together, and each has the results that it has alone.
func TestJoined(t *testing.T) {
	o := options(t)
	o.Wait, o.Batch = 300*time.Millisecond, 16
	direct := mlp(t)
	_, at := start(t, o)
	rng := rand.New(rand.NewPCG(5, 6))
	var wg sync.WaitGroup
	for i := range 12 {
		x := make([]float32, 4*(1+i%3))
		for j := range x {
			x[j] = float32(rng.NormFloat64())
		}
		wg.Go(func() {
			body, length := question(x)
			r := ask(t, "POST", at+inferMLP, body, lengthHeader, length)
			if r.status != 200 {
				t.Errorf("%d %s", r.status, r.text)
				return
			}
			a, raw := binaryParts(t, r)
			in, _ := value.Of(x, len(x)/4, 4)
			out, err := direct.Run(map[string]*value.Value{"x": in})
			if err != nil {
				t.Error(err)
				return
			}
			want := value.Data[float32](out["scores"])
			if a.Outputs[0].Shape[0] != len(x)/4 || len(raw) != 4*len(want) {
				t.Errorf("%v of %d rows", a.Outputs, len(x)/4)
				return
			}
			for j, w := range want {
				if g := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:])); math.Abs(float64(g-w)) > 1e-6 {
					t.Errorf("row %d: %v, alone %v", j/2, g, w)
				}
			}
		})
	}
	wg.Wait()
	text := ask(t, "GET", at+"/metrics", nil).text
	count := figure(t, text, `energo_inference_batch_requests_count{model="mlp"}`)
	if count >= 12 || figure(t, text, `energo_inference_batch_requests_sum{model="mlp"}`) != 12 || figure(t, text, `energo_inference_items_total{model="mlp"}`) != 24 {
		t.Errorf("12 requests of 24 rows went in %v batches:\n%s", count, text)
	}
	if figure(t, text, "energo_inference_max_wait_seconds{model=\"mlp\"}") != 0.3 || figure(t, text, `energo_inference_added_wait_seconds_sum{model="mlp"}`) > 0.3*count+1 {
		t.Errorf("the waits are wrong:\n%s", text)
	}
}

func figure(t *testing.T, text, name string) float64 {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			x, err := strconv.ParseFloat(rest, 64)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// Requests are joined where rows are independent, and only there.
func TestTrial(t *testing.T) {
	softmax := one(t, "Softmax", format.Float, -1, 4)
	for _, c := range []struct {
		name  string
		net   *onnx.Model
		batch int
		joins bool
	}{
		{"mlp", mlp(t), 32, true},
		{"one row at most", mlp(t), 1, false},
		{"softmax over rows", softmax, 32, false},
		{"fixed rows", one(t, "Identity", format.Float, 2, 4), 32, false},
		{"free behind", one(t, "Relu", format.Float, -1, -1), 32, true},
		{"scalar", one(t, "Identity", format.Int64), 32, false},
		{"integers", one(t, "Identity", format.Uint64, -1), 32, true},
	} {
		o := Model{Net: c.net, Batch: c.batch}
		m := &model{Model: o, log: slog.New(slog.DiscardHandler)}
		if err := m.warm(t.Context()); err != nil {
			t.Error(err)
		}
		if m.joins != c.joins {
			t.Errorf("%s: joins %v, want %v", c.name, m.joins, c.joins)
		}
	}
}

// A full queue refuses, and says when to come again; what waits is answered; who goes leaves room.
func TestFullQueue(t *testing.T) {
	o := options(t)
	o.Queue, o.Batch = 3, 1
	_, at := start(t, o)
	release, held := make(chan struct{}), make(chan struct{})
	x, _ := value.Of(make([]float32, 4), 1, 4)
	go o.Models["mlp"].RunFunc([]*value.Value{x}, func([]*value.Value) error {
		close(held)
		<-release
		return nil
	})
	<-held
	body, length := question(make([]float32, 4))
	var wg sync.WaitGroup
	send := func(ctx context.Context) {
		wg.Go(func() {
			r, _ := http.NewRequestWithContext(ctx, "POST", at+inferMLP, bytes.NewReader(body))
			r.Header.Set(lengthHeader, length)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				if ctx.Err() == nil {
					t.Error(err)
				}
				return
			}
			defer answer.Body.Close()
			if text, _ := io.ReadAll(answer.Body); answer.StatusCode != 200 {
				t.Errorf("%d %s", answer.StatusCode, text)
			}
		})
	}
	waiting := func(n float64) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); figure(t, ask(t, "GET", at+"/metrics", nil).text, `energo_model_requests{model="mlp",service="inference"}`) != n; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("there are never %v requests at the model", n)
			}
		}
	}
	send(t.Context()) // which the worker takes
	waiting(1)
	send(t.Context())
	waiting(2)
	ctx, cancel := context.WithCancel(t.Context())
	send(ctx)
	waiting(3)
	r := ask(t, "POST", at+inferMLP, body, lengthHeader, length)
	if r.status != 429 || r.header.Get("Retry-After") != "1" || !strings.Contains(r.text, `{"error":"3 requests use the model mlp or wait for it`) {
		t.Errorf("%d %v %s", r.status, r.header, r.text)
	}
	cancel()
	waiting(2)
	if n := figure(t, ask(t, "GET", at+"/metrics", nil).text, `energo_model_rejected_total{model="mlp",service="inference"}`); n != 1 {
		t.Errorf("%v requests were refused", n)
	}
	close(release)
	wg.Wait()
}

// Errors of options name them.
func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*setup){
		"there is no network":                func(o *setup) { o.Models["mlp"] = nil },
		"Batch is -1; it must be from 1":     func(o *setup) { o.Batch = -1 },
		"Queue is 100000000; it must be":     func(o *setup) { o.Queue = 100000000 },
		"the Wait is -1s; it must be":        func(o *setup) { o.Wait = -time.Second },
		`the name is "a/b"`:                  func(o *setup) { o.Models["a/b"] = o.Models["mlp"] },
		`the name is ""`:                     func(o *setup) { o.Models[""] = o.Models["mlp"] },
		`model "f8": input "x" is of float8`: func(o *setup) { o.Models["f8"] = one(t, "Identity", format.Float8E5M2, 1) },
	} {
		o := options(t)
		change(&o)
		server, err := serve.New(t.Context(), serve.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := o.mount(server); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		server.Close()
	}
}

// FuzzInfer sends anything as a body in the binary form: the answer is good, or says what is wrong with the request.
func FuzzInfer(f *testing.F) {
	server, h := fuzzed(f)
	f.Cleanup(server.Close)
	body, length := question([]float32{1, 2, 3, 4})
	f.Add(body, length)
	f.Add([]byte(`{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[[1,2,3,4]]}],"outputs":[{"name":"scores"}]}`), "")
	f.Add([]byte(`{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,[3],{"a":4}]}]}`), "")
	f.Fuzz(func(t *testing.T, body []byte, length string) { tryBody(t, h, body, length) })
}

func fuzzed(t testing.TB) (*serve.Server, http.Handler) {
	server, err := serve.New(t.Context(), serve.Options{Log: slog.New(slog.DiscardHandler), Limits: serve.Limits{Body: 1 << 16}})
	if err != nil {
		t.Fatal(err)
	}
	o := options(t)
	if err := o.mount(server); err != nil {
		t.Fatal(err)
	}
	for server.Ready(t.Context()) != nil {
		time.Sleep(time.Millisecond)
	}
	return server, server.Handler()
}

// tryBody sends a body; the answer is 200 or one below 500 in the protocol's form.
func tryBody(t *testing.T, h http.Handler, body []byte, length string) {
	t.Helper()
	r := httptest.NewRequest("POST", "http://localhost"+inferMLP, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/octet-stream")
	if length != "" {
		r.Header.Set(lengthHeader, length)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var said struct{ Error string }
	if w.Code != 200 && (w.Code >= 500 || json.Unmarshal(w.Body.Bytes(), &said) != nil || said.Error == "") {
		t.Errorf("%q, %q: %d %s", body, length, w.Code, w.Body)
	}
}

// Requests that were good but for some bytes are refused in the protocol's form, or answered.
func TestMutants(t *testing.T) {
	server, h := fuzzed(t)
	defer server.Close()
	rng := rand.New(rand.NewPCG(7, 8))
	bodies := [][]byte{[]byte(`{"id":"7","inputs":[{"name":"x","shape":[2,4],"datatype":"FP32","data":[[1,2,3,4],[5,6.5,-7e3,8]]}],"outputs":[{"name":"scores","parameters":{"binary_data":true}}]}`)}
	body, length := question([]float32{1, 2, 3, 4, 5, 6, 7, 8})
	bodies = append(bodies, body)
	for i, lengths := range []string{"", length} {
		for range 1500 {
			mutant := bytes.Clone(bodies[i])
			for range 1 + rng.IntN(3) {
				switch at := rng.IntN(len(mutant)); rng.IntN(4) {
				case 0:
					mutant[at] = byte(rng.Uint32())
				case 1:
					mutant[at] ^= 1 << rng.IntN(8)
				case 2:
					mutant = append(mutant[:at:at], mutant[min(len(mutant), at+1+rng.IntN(5)):]...)
				case 3:
					mutant = append(mutant[:at:at], append([]byte(`[]{},":0e-`)[rng.IntN(10):][:1:1], mutant[at:]...)...)
				}
				if len(mutant) == 0 {
					mutant = []byte("{")
				}
			}
			tryBody(t, h, mutant, lengths)
		}
	}
}

// Memory is taken for tensors, too, which may be four times as large as their JSON.
func TestMemory(t *testing.T) {
	server, err := serve.New(t.Context(), serve.Options{Log: slog.New(slog.DiscardHandler), Limits: serve.Limits{Body: 1 << 20, Memory: 8 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	o := setup{Models: map[string]*onnx.Model{"x": one(t, "Identity", format.Int64, -1)}}
	if err := o.mount(server); err != nil {
		t.Fatal(err)
	}
	warm(t, server)
	for n, want := range map[int]int{1 << 12: 200, 400_000: 413} {
		body := fmt.Sprintf(`{"inputs":[{"name":"x","shape":[%d],"datatype":"INT64","data":[1%s]}]}`, n, strings.Repeat(",1", n-1))
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, httptest.NewRequest("POST", "http://localhost/v2/models/x/infer", strings.NewReader(body)))
		if w.Code != want {
			t.Errorf("%d elements of INT64: status %d %.200s, want %d", n, w.Code, w.Body, want)
		}
	}
}
