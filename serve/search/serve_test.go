package search

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/internal/openapitest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	// The pool of kernel workers stays for the life of a program.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/energo-ml/energo/internal/simd.(*helper).serve"))
}

// quarters is a network: the mean brightness of each quarter of a picture.
type quarters struct{ panics bool }

func (quarters) Dim() int          { return 4 }
func (quarters) Size() image.Point { return image.Pt(20, 20) }
func (quarters) Channels() int     { return 1 }

func (e quarters) Encode(dst []float32, pictures []image.Image) error {
	for i, p := range pictures {
		if e.panics && color.GrayModel.Convert(p.At(0, 0)) == (color.Gray{Y: 13}) {
			panic("thirteen")
		}
		b := p.Bounds()
		for q := range 4 {
			var sum, n float64
			for y := b.Min.Y + q/2*b.Dy()/2; y < b.Min.Y+(q/2+1)*b.Dy()/2; y++ {
				for x := b.Min.X + q%2*b.Dx()/2; x < b.Min.X+(q%2+1)*b.Dx()/2; x++ {
					sum += float64(color.GrayModel.Convert(p.At(x, y)).(color.Gray).Y) / 255
					n++
				}
			}
			dst[4*i+q] = float32(sum / max(n, 1))
		}
	}
	return nil
}

// board is a square picture whose quarters have the given brightness.
func board(size int, quarter ...uint8) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, size, size))
	for i := range m.Pix {
		x, y := i%size, i/size
		m.Pix[i] = quarter[2*(2*y/size)+2*x/size]
	}
	return m
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fixture is a shelf of four items, each bright in another quarter.
func fixture() *plain {
	x := &plain{dim: 4}
	for q := range 4 {
		v := make([]float32, 4)
		v[q] = 1
		x.items = append(x.items, index.Item{
			ID: fmt.Sprintf("set/%d.png", q), Vector: v, Label: fmt.Sprint(q % 2),
			Fields: map[string]string{"side": []string{"left", "right"}[q%2], index.PathField: fmt.Sprintf("/secret/%d.png", q)},
		})
	}
	return x
}

// options serves the fixture, with pictures for its first three items.
func options(x index.Index) testOptions {
	return testOptions{frameOptions: serve.Options{Log: slog.New(slog.DiscardHandler)}, Options: Options{
		Index: x, Encoder: quarters{}, Private: []string{index.PathField},
		Picture: func(_ context.Context, item index.Item) (serve.Picture, error) {
			if item.ID == "set/3.png" {
				return nil, fs.ErrNotExist
			}
			return data.DecodedPicture{Image: board(300, 255, 0, 0, 0)}, nil
		},
	}}
}

type frameOptions = serve.Options

// testOptions are those of the service and of the server that it is mounted on.
type testOptions struct {
	Options
	Bounds
	frameOptions
}

func newServer(ctx context.Context, o testOptions) (*serve.Server, error) {
	s, err := serve.New(ctx, o.frameOptions)
	if err != nil {
		return s, err
	}
	all, err := Mount(s, o.Bounds)
	if err != nil {
		return s, err
	}
	wait, err := all.Put("test", o.Options)
	if err != nil {
		return s, err
	}
	return s, wait()
}

// start serves until the test ends.
func start(t testing.TB, o testOptions) (*serve.Server, string) {
	t.Helper()
	s, err := newServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		web.Close()
		s.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s, web.URL
}

type reply struct {
	status int
	header http.Header
	text   string
}

func send(t testing.TB, method, address, kind string, body []byte) reply {
	t.Helper()
	r, err := http.NewRequest(method, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return do(t, r)
}

// do sends a request, and holds the exchange to the server's description.
func do(t testing.TB, r *http.Request) reply {
	t.Helper()
	var sent []byte
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err == nil {
			sent, err = io.ReadAll(body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	got := openapitest.Do(t, r, sent)
	return reply{got.Status, got.Header, got.Text}
}

// hits reads a good answer of a search.
func (r reply) hits(t testing.TB) (ids []string) {
	t.Helper()
	var f searchAnswer
	if err := json.Unmarshal([]byte(r.text), &f); err != nil || r.status != http.StatusOK {
		t.Fatalf("status %d, %s (%v)", r.status, r.text, err)
	}
	for _, h := range f.Hits {
		ids = append(ids, h.ID)
	}
	return ids
}

// formOf makes a form; the value of image is a file.
func formOf(t testing.TB, parts map[string]string) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		var err error
		part := io.Writer(nil)
		if name == "image" {
			part, err = w.CreateFormFile(name, "a.png")
		} else {
			part, err = w.CreateFormField(name)
		}
		if err == nil {
			_, err = io.WriteString(part, parts[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

// onDisk is the fixture in an index's folder.
func onDisk(t *testing.T) index.Index {
	t.Helper()
	x, err := index.Create(t.TempDir(), index.Options{Dim: 4})
	if err == nil {
		err = x.Add(t.Context(), fixture().items)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// Every way of asking for the same gives the same, of the real index and of the oracle.
func TestSearchForms(t *testing.T) {
	t.Run("oracle", func(t *testing.T) { testSearchForms(t, fixture()) })
	t.Run("folder", func(t *testing.T) { testSearchForms(t, onDisk(t)) })
}

func testSearchForms(t *testing.T, x index.Index) {
	_, at := start(t, options(x))
	file := pngOf(t, board(20, 0, 255, 20, 0)) // nearest: 1, then 2; label 1 and right: 1, 3
	text := base64.StdEncoding.EncodeToString(file)
	kind, form := formOf(t, map[string]string{"image": string(file), "k": "2"})
	kindRight, formRight := formOf(t, map[string]string{"image": string(file), "filter": "side = right"})
	for _, c := range []struct {
		name, query, kind string
		body              []byte
		want              string
	}{
		{"picture", "?k=2", "image/png", file, "1 2"},
		{"picture, unknown kind", "?k=2", "application/octet-stream", file, "1 2"},
		{"picture and label", "?filter=label%3D1", "image/png", file, "1 3"},
		{"picture and labels", "?filter=label+in+(0,1)&k=3", "image/png", file, "1 2 0"},
		{"picture and field", "?filter=%7B%22fields%22:%7B%22side%22:%22right%22%7D%7D", "image/png", file, "1 3"},
		{"picture and exclude", "?filter=not+id+%3D+set/1.png&k=1", "image/png", file, "2"},
		{"form", "", kind, form, "1 2"},
		{"form and field", "", kindRight, formRight, "1 3"},
		{"base64", "", "application/json; charset=utf-8", []byte(`{"image":"` + text + `","k":2}`), "1 2"},
		{"vector", "", "application/json", []byte(`{"vector":[0, 1,0.08,-0e0 ],"k":2}`), "1 2"},
		{"vector and filter", "", "application/json", []byte(`{"vector":[0,1,0.1,0],"filter":{"label":["0"],"not":{"id":"set/2.png"},"fields":{"side":["left"]}}}`), "0"},
		{"no such label", "", "application/json", []byte(`{"vector":[0,1,0.1,0],"filter":{"label":"9"}}`), ""},
		{"filter as text", "", "application/json", []byte(`{"vector":[0,1,0.1,0],"filter":"side = left and label = 0 and not id = set/2.png"}`), "0"},
		{"item", "", "application/json", []byte(`{"id":"set/1.png"}`), "0 2 3"},
		{"second page", "?k=2&offset=2", "image/png", file, "0 3"},
		{"within", "?within=0.5", "image/png", file, "1"},
		{"one like", "", "application/json", []byte(`{"like":[{"vector":[0,1,0.08,0]}],"k":2}`), "1 2"},
		{"like an item and a picture", "", "application/json", []byte(`{"like":[{"id":"set/0.png"},{"image":"` + text + `","weight":3}],"k":2}`), "1 2"},
		{"unlike", "", "application/json", []byte(`{"like":[{"vector":[0,1,0.08,0]}],"unlike":[{"id":"set/1.png"}],"away":3,"k":1}`), "2"},
		{"ten by default", "", "application/json", []byte(`{"vector":[0,3,2,1]}`), "1 2 3 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := send(t, "POST", at+"/v1/search"+c.query, c.kind, c.body)
			got := strings.NewReplacer("set/", "", ".png", "").Replace(strings.Join(r.hits(t), " "))
			if got != c.want {
				t.Errorf("hits %s, want %s", got, c.want)
			}
			if strings.Contains(r.text, "secret") {
				t.Errorf("the answer has private fields: %s", r.text)
			}
		})
	}
}

// Items come, are found, change and go.
func TestItems(t *testing.T) {
	x := fixture()
	_, at := start(t, options(x))
	file := pngOf(t, board(8, 255, 255, 255, 255))
	text := base64.StdEncoding.EncodeToString(file)
	ok := func(r reply, want string) {
		t.Helper()
		if r.status != http.StatusOK || strings.TrimSpace(r.text) != want {
			t.Fatalf("status %d, %s; want %s", r.status, r.text, want)
		}
	}
	ok(send(t, "POST", at+"/v1/items", "application/json", []byte(`{"items":[
		{"id":"a/b?c#d %","vector":[1,2,3,4],"label":"x","fields":{"colour":"red"}},
		{"id":"white","image":"`+text+`"}]}`)), `{"added":2}`)
	odd := at + "/v1/items/" + url.PathEscape("a/b?c#d %")
	ok(send(t, "GET", odd, "", nil), `{"id":"a/b?c#d %","vector":[1,2,3,4],"label":"x","fields":{"colour":"red"}}`)
	ok(send(t, "GET", at+"/v1/items/white", "", nil), `{"id":"white","vector":[1,1,1,1],"thumb":"/v1/thumb/white"}`)
	ok(send(t, "GET", at+"/v1/items/set/1.png", "", nil), `{"id":"set/1.png","vector":[0,1,0,0],"label":"1","fields":{"side":"right"},"thumb":"/v1/thumb/set%2F1.png","picture":"/v1/picture/set%2F1.png"}`)

	kind, form := formOf(t, map[string]string{"image": string(pngOf(t, board(4, 0, 0, 0, 0))), "id": "white", "label": "no more", "field": "a=b=c"})
	ok(send(t, "POST", at+"/v1/items", kind, form), `{"added":1}`)
	ok(send(t, "GET", at+"/v1/items/white", "", nil), `{"id":"white","vector":[0,0,0,0],"label":"no more","fields":{"a":"b=c"},"thumb":"/v1/thumb/white"}`)
	ok(send(t, "POST", at+"/v1/items?id=w2&label=l", "image/png", file), `{"added":1}`)
	ok(send(t, "DELETE", odd, "", nil), `{"deleted":1}`)
	for _, method := range []string{"GET", "DELETE"} {
		if r := send(t, method, odd, "", nil); r.status != http.StatusNotFound {
			t.Errorf("%s of a deleted item: %d %s", method, r.status, r.text)
		}
	}
	if n := len(x.items); n != 6 {
		t.Errorf("%d items are left, want 6", n)
	}
}

// Many pictures go through the network in pieces; each item gets its own.
func TestManyPictures(t *testing.T) {
	o := options(&plain{dim: 4})
	_, at := start(t, o)
	var list []string
	for i := range 100 {
		file := pngOf(t, board(20, uint8(i), 0, 0, 0))
		list = append(list, fmt.Sprintf(`{"id":"%d","image":"%s"}`, i, base64.StdEncoding.EncodeToString(file)))
	}
	r := send(t, "POST", at+"/v1/items", "application/json", []byte(`{"items":[`+strings.Join(list, ",")+`]}`))
	if r.status != http.StatusOK {
		t.Fatal(r)
	}
	for i := range 100 {
		got := send(t, "GET", fmt.Sprint(at, "/v1/items/", i), "", nil).text
		if want := fmt.Sprintf(`"vector":[%v,0,0,0]`, float32(float64(i)/255)); !strings.Contains(got, want) {
			t.Errorf("item %d is %s, want %s", i, got, want)
		}
	}
}

func TestThumbs(t *testing.T) {
	x := fixture()
	x.items = append(x.items, index.Item{ID: "bare", Vector: make([]float32, 4)})
	_, at := start(t, options(x))
	r := send(t, "POST", at+"/v1/search", "application/json", []byte(`{"id":"set/1.png","k":2}`))
	if got := strings.Join(r.hits(t), " "); got != "bare set/0.png" || strings.Count(r.text, `"thumb"`) != 1 || !strings.Contains(r.text, `"thumb":"/v1/thumb/set%2F0.png"`) {
		t.Errorf("hits %s; only set/0.png must have a thumbnail: %s", got, r.text)
	}
	r = send(t, "GET", at+"/v1/thumb/set%2F0.png", "", nil)
	m, err := jpeg.Decode(strings.NewReader(r.text))
	if err != nil || m.Bounds().Dx() != thumbSide || r.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("status %d, %v, header %v", r.status, err, r.header)
	}
	r = send(t, "GET", at+"/v1/picture/set%2F0.png", "", nil)
	if m, err := jpeg.Decode(strings.NewReader(r.text)); err != nil || m.Bounds().Dx() != 300 {
		t.Errorf("status %d, %v", r.status, err)
	}
	for _, id := range []string{"bare", "none", "set/3.png", "..%2F..%2Fetc%2Fpasswd", "%2Fsecret%2F0.png", "%00"} {
		if r := send(t, "GET", at+"/v1/thumb/"+id, "", nil); r.status != http.StatusNotFound || strings.Contains(r.text, "secret/") && !strings.Contains(id, "secret") {
			t.Errorf("%s: %d %s", id, r.status, r.text)
		}
	}
}

func TestInfoAndHealth(t *testing.T) {
	s, at := start(t, options(fixture()))
	for path, want := range map[string]string{
		"/v1/info": `{"index":{"kind":"plain","dim":4,"len":4,"metric":"euclidean"},"pictures":true,"encoder":{"width":20,"height":20,"channels":1},"values":false,"texts":false,"read_only":false,"limits":{"body_bytes":16777216,"pixels":200000000,"k":1000,"batch":1000}}`,
		"/healthz": `{"status":"ok"}`,
		"/readyz":  `{"models":{"test":{"status":"ready"}},"services":{"search":"ready"},"status":"ready"}`,
	} {
		if r := send(t, "GET", at+path, "", nil); r.status != http.StatusOK || strings.TrimSpace(r.text) != want {
			t.Errorf("%s: %d %s, want %s", path, r.status, r.text, want)
		}
	}
	s.Drain()
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/v1/info": 503, "/": 200} {
		r := send(t, "GET", at+path, "", nil)
		if r.status != want || want == 503 && r.header.Get("Retry-After") == "" {
			t.Errorf("%s of a server that ends: %d %v", path, r.status, r.header)
		}
	}
}

func limited(l serve.Limits) testOptions {
	return testOptions{Options: Options{Index: &plain{dim: 4}}, frameOptions: serve.Options{Limits: l}}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]testOptions{
		"no index": {}, "another length": {Options: Options{Index: &plain{dim: 5}, Encoder: quarters{}}},
		"below": {Options: Options{Index: &plain{dim: 4}}, Bounds: Bounds{K: -1}}, "hits": {Options: Options{Index: &plain{dim: 4}}, Bounds: Bounds{K: index.MaxK + 1}},
		"bytes": limited(serve.Limits{Body: math.MaxInt64}), "pixels": limited(serve.Limits{Pixels: math.MaxInt}),
		"requests": limited(serve.Limits{Requests: math.MaxInt}), "time": limited(serve.Limits{Read: math.MaxInt64}),
	} {
		if _, err := newServer(t.Context(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
