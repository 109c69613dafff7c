package embeddings

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/peer"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/internal/openapitest"
	"github.com/energo-ml/energo/serve/openai"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mean is an encoder of pictures: the means of red, green and blue.
type mean struct{}

func (mean) Dim() int          { return 3 }
func (mean) Size() image.Point { return image.Pt(4, 4) }

func (mean) Encode(dst []float32, pictures []image.Image) error {
	for i, p := range pictures {
		b := p.Bounds()
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				c := color.NRGBAModel.Convert(p.At(x, y)).(color.NRGBA)
				for j, v := range []byte{c.R, c.G, c.B} {
					dst[3*i+j] += float32(v) / float32(255*b.Dx()*b.Dy())
				}
			}
		}
	}
	return nil
}

// letters is an encoder of texts whose tokens are their bytes: the first token and their number.
type letters struct{}

func (letters) Dim() int { return 2 }

func (letters) Tokens(text string) (ids []int, err error) {
	for _, b := range []byte(text) {
		ids = append(ids, int(b))
	}
	return ids, letters{}.Check(ids)
}

func (letters) Check(ids []int) error {
	if len(ids) == 0 || len(ids) > 9 || slices.Max(ids) > 255 || slices.Min(ids) < 0 {
		return errors.New("there must be from 1 to 9 bytes")
	}
	return nil
}

func (letters) Encode(dst []float32, texts [][]int) error {
	for i, ids := range texts {
		dst[2*i], dst[2*i+1] = float32(ids[0]), float32(len(ids))
	}
	return nil
}

// start serves an encoder of each kind until the test ends.
func start(t testing.TB, o Options) (*openapitest.Client, string, *Service) {
	t.Helper()
	server, err := serve.New(t.Context(), serve.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Mount(server, o)
	if err != nil {
		t.Fatal(err)
	}
	openai.Mount(server, func() (all []openai.Model) {
		for _, name := range s.Names() {
			all = append(all, openai.Model{Name: name})
		}
		return all
	})
	web := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		web.Close()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	for _, put := range []func() (func() error, error){
		func() (func() error, error) { return s.PutPictures("pictures", mean{}, serve.Queue{}) },
		func() (func() error, error) { return s.PutTexts("texts", letters{}, serve.Queue{}) },
	} {
		wait, err := put()
		if err == nil {
			err = wait()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return openapitest.New(t, web.URL), web.URL, s
}

// plain is a picture of one colour, as a data URL.
func plain(t testing.TB, c color.NRGBA) string {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 6, 6))
	for i := range 36 {
		m.SetNRGBA(i%6, i/6, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}

// vectorsOf asks for vectors.
func vectorsOf(t *testing.T, c *openapitest.Client, request map[string]any) (vectors [][]float32, tokens int) {
	t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	r := c.Ask("POST", "/v1/embeddings", "application/json", string(body))
	var a struct {
		Model string
		Data  []struct {
			Index     int
			Embedding json.RawMessage
		}
		Usage struct {
			Prompt int `json:"prompt_tokens"`
			Total  int `json:"total_tokens"`
		}
	}
	if err := json.Unmarshal([]byte(r.Text), &a); err != nil || r.Status != http.StatusOK || a.Model != request["model"] || a.Usage.Prompt != a.Usage.Total {
		t.Fatalf("%s: %d %s: %v", body, r.Status, r.Text, err)
	}
	for i, d := range a.Data {
		var v []float32
		if d.Index != i {
			t.Errorf("element %d has the index %d", i, d.Index)
		}
		if request["encoding_format"] == "base64" {
			var raw []byte
			if err := json.Unmarshal(d.Embedding, &raw); err != nil {
				t.Fatal(err)
			}
			for part := range slices.Chunk(raw, 4) {
				v = append(v, math.Float32frombits(binary.LittleEndian.Uint32(part)))
			}
		} else if err := json.Unmarshal(d.Embedding, &v); err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, v)
	}
	return vectors, a.Usage.Prompt
}

func TestEmbeddings(t *testing.T) {
	c, _, s := start(t, Options{})
	for _, r := range s.Routes() {
		c.Described(t, r.Pattern)
	}
	red, blue := plain(t, color.NRGBA{255, 0, 0, 255}), plain(t, color.NRGBA{0, 0, 255, 255})
	for _, q := range []struct {
		request map[string]any
		want    string
		tokens  int
	}{
		{map[string]any{"model": "pictures", "input": red}, "[[1 0 0]]", 0},
		{map[string]any{"model": "pictures", "input": []string{blue, red}, "encoding_format": "base64", "dimensions": 3, "user": "u"}, "[[0 0 1] [1 0 0]]", 0},
		{map[string]any{"model": "texts", "input": "ab"}, "[[97 2]]", 2},
		{map[string]any{"model": "texts", "input": []string{"c", "abc"}, "encoding_format": "float"}, "[[99 1] [97 3]]", 4},
		{map[string]any{"model": "texts", "input": []int{5, 6, 7}}, "[[5 3]]", 3},
		{map[string]any{"model": "texts", "input": []any{[]int{5, 6}, "a"}}, "[[5 2] [97 1]]", 3},
	} {
		if got, tokens := vectorsOf(t, c, q.request); fmt.Sprint(got) != q.want || tokens != q.tokens {
			t.Errorf("%.80v: %v of %d tokens; want %s of %d", q.request, got, tokens, q.want, q.tokens)
		}
	}
}

func TestRefuses(t *testing.T) {
	c, _, _ := start(t, Options{Inputs: 2, Tokens: 12})
	red := plain(t, color.NRGBA{255, 0, 0, 255})
	for body, want := range map[string]string{
		`{}`:                                                                        `"param":"model"`,
		`{"model":"texts"}`:                                                         "input is missing or empty",
		`{"model":"texts","input":[]}`:                                              "input is missing or empty",
		`{"model":"texts","input":7}`:                                               "input is a JSON number 7; it must be a string, a list of strings, or tokens",
		`{"model":"none","input":"a"}`:                                              `there is no encoder \"none\"; there are pictures, texts`,
		`{"model":"texts","input":""}`:                                              "input: there must be from 1 to 9 bytes",
		`{"model":"texts","input":["a",""]}`:                                        `"param":"input[1]"`,
		`{"model":"texts","input":[[300]]}`:                                         `"param":"input[0]"`,
		`{"model":"texts","input":[1.5]}`:                                           "input[0] is a JSON number 1.5; it must be an integer",
		`{"model":"texts","input":["a","b","c"]}`:                                   "input has 3 elements; at most 2 are allowed",
		`{"model":"texts","input":["abcdefg","abcdefg"]}`:                           "the inputs up to input[1] have 14 tokens together; at most 12 are allowed",
		`{"model":"texts","input":"a","dimensions":1}`:                              "dimensions is 1; the vectors of the model texts have 2 and are not cut",
		`{"model":"texts","input":"a","encoding_format":"int8"}`:                    "it must be float or base64",
		`{"model":"texts","input":"a","k":1}`:                                       `unknown field \"k\"`,
		`{"model":"pictures","input":"a cat"}`:                                      "it must be a data URL, as data:image/png;base64,…; the model pictures takes pictures",
		`{"model":"pictures","input":[1]}`:                                          "the model pictures takes pictures as data URLs",
		`{"model":"pictures","input":["` + red + `","data:image/png;base64,AAAA"]}`: `"param":"input[1].image"`,
	} {
		if r := c.Ask("POST", "/v1/embeddings", "application/json", body); r.Status == http.StatusOK || r.Status == http.StatusUnprocessableEntity || !strings.Contains(r.Text, want) || !strings.Contains(r.Text, `"type":"invalid_request_error"`) {
			t.Errorf("%.80s: %d %s; want %s", body, r.Status, r.Text, want)
		}
	}
	if r := c.Ask("POST", "/v1/embeddings", "text/plain", "x"); r.Status != http.StatusUnsupportedMediaType || !strings.Contains(r.Text, `"error":{"message"`) {
		t.Errorf("%d %s", r.Status, r.Text)
	}
}

// TestOpenAIClient: OpenAI's own client understands what it is told.
func TestOpenAIClient(t *testing.T) {
	python, err := peer.Python("python3", "openai, numpy")
	if err != nil {
		t.Skip(err, "(pip install openai numpy)")
	}
	_, at, _ := start(t, Options{})
	cmd := exec.Command(python, "testdata/client.py", at+"/v1", plain(t, color.NRGBA{255, 0, 0, 255}))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// FuzzRequest: whatever a request is, it is read or refused in words.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{`{"model":"m","input":"a"}`, `{"model":"m","input":[1,2]}`, `{"model":"m","input":[[1],"a"],"dimensions":3,"encoding_format":"base64"}`, `{"input":[[]]}`} {
		f.Add([]byte(s))
	}
	o := &Options{Inputs: 5, Tokens: 9}
	f.Fuzz(func(t *testing.T, text []byte) {
		q := &request{}
		if err := q.decode(text, o); err != nil {
			return
		}
		if len(q.inputs) == 0 || len(q.inputs) > 5 || q.model == "" {
			t.Errorf("%q gives %+v", text, q)
		}
		_, _ = q.files()
		if all, n, err := q.coded(letters{}, 9); err == nil && (len(all) != len(q.inputs) || n > 9) {
			t.Errorf("%q gives %v of %d tokens", text, all, n)
		}
	})
}
