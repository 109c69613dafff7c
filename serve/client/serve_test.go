package client_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/client"
	"github.com/energo-ml/energo/serve/inference"
	"github.com/energo-ml/energo/serve/search"
)

// corner makes the vector of a picture: how red and how green its first pixel is.
type corner struct{}

func (corner) Dim() int          { return 2 }
func (corner) Size() image.Point { return image.Pt(2, 2) }
func (corner) Channels() int     { return 3 }

func (corner) Encode(dst []float32, pictures []image.Image) error {
	for i, m := range pictures {
		r, g, _, _ := m.At(m.Bounds().Min.X, m.Bounds().Min.Y).RGBA()
		dst[2*i], dst[2*i+1] = float32(r)/0xffff, float32(g)/0xffff
	}
	return nil
}

// picture is a PNG of one colour.
func picture(t *testing.T, c color.Color) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 2, 2))
	for i := range 4 {
		m.Set(i%2, i/2, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// started is a server of an empty index, points, and a model, affine, and a client of it.
func started(t *testing.T) *client.Client {
	t.Helper()
	dir := t.TempDir() // which is there until the server has closed the index
	s, err := serve.New(t.Context(), serve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	x, err := index.Create(dir+"/index", index.Options{Dim: 2, Metric: distance.Euclidean})
	if err != nil {
		t.Fatal(err)
	}
	indexes, err := search.Mount(s, search.Bounds{K: 3})
	if err != nil {
		t.Fatal(err)
	}
	model, err := onnx.Open("../../engine/onnx/testdata/affine.onnx", nil)
	if err != nil {
		t.Fatal(err)
	}
	models, err := inference.Mount(s, "")
	if err != nil {
		t.Fatal(err)
	}
	points, err := indexes.Put("points", search.Options{Index: x, Encoder: corner{}, Close: x.Close})
	if err != nil {
		t.Fatal(err)
	}
	affine, err := models.Put("affine", inference.Model{Net: model})
	if err := errors.Join(err, points()); err != nil {
		t.Fatal(err)
	}
	if err := affine(); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	c, err := client.New(web.URL+"/", client.Options{HTTP: web.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ids(hits []client.Hit) (all []string) {
	for _, h := range hits {
		all = append(all, h.ID)
	}
	return all
}

// TestIndex adds, searches, lists and deletes, as the index itself would.
func TestIndex(t *testing.T) {
	c, ctx := started(t), t.Context()
	x := c.Index("points")
	items := []client.NewItem{
		{Item: index.Item{ID: "a/b c", Vector: []float32{0, 1}, Label: "l", Fields: map[string]string{"year": "2019"}}},
		{Item: index.Item{ID: "b", Vector: []float32{3, 4}}},
		{Item: index.Item{ID: "red"}, Image: picture(t, color.RGBA{255, 0, 0, 255})},
	}
	if err := x.Add(ctx, items); err != nil {
		t.Fatal(err)
	}
	if err := x.AddFile(ctx, client.Bytes("g.png", picture(t, color.RGBA{0, 255, 0, 255})), index.Item{ID: "green", Label: "g", Fields: map[string]string{"year": "2020", "note": "a=b"}}); err != nil {
		t.Fatal(err)
	}
	item, err := x.Get(ctx, "a/b c")
	if err != nil || !reflect.DeepEqual(item, items[0].Item) {
		t.Errorf("the item is %+v, %v", item, err)
	}
	if item, err = x.Get(ctx, "green"); err != nil || !slices.Equal(item.Vector, []float32{0, 1}) || item.Label != "g" || item.Fields["note"] != "a=b" {
		t.Errorf("the item is %+v, %v", item, err)
	}
	info, err := c.Index("").Info(ctx)
	if err != nil || info.Len != 4 || info.Dim != 2 || info.Metric != distance.Euclidean {
		t.Errorf("the index is %+v, %v", info, err)
	}

	within, away := 2.0, 0.5
	filter, err := index.ParseFilter("year >= 2020")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		q    client.Query
		want []string
	}{
		"vector": {client.Query{Example: client.Example{Vector: []float32{3, 3}}, K: 1}, []string{"b"}},
		"image":  {client.Query{Example: client.Example{Image: picture(t, color.RGBA{250, 0, 0, 255})}, K: 1}, []string{"red"}},
		"item":   {client.Query{Example: client.Example{ID: "a/b c"}, Within: &within}, []string{"green", "red"}},
		"offset": {client.Query{Example: client.Example{ID: "a/b c"}, Within: &within, Offset: 1}, []string{"red"}},
		"text":   {client.Query{Text: "2020"}, []string{"green"}},
		"both":   {client.Query{Example: client.Example{Vector: []float32{3, 3}}, Text: "2020", K: 1}, []string{"green"}},
		"filter": {client.Query{Example: client.Example{Vector: []float32{3, 3}}, Filter: filter}, []string{"green"}},
		"like": {client.Query{
			Like:   []client.Weighted{{Example: client.Example{ID: "b"}, Weight: 2}, {Example: client.Example{Vector: []float32{3, 4}}}},
			Unlike: []client.Weighted{{Example: client.Example{ID: "red"}}}, Away: &away, K: 1,
		}, []string{"a/b c"}},
	} {
		hits, err := x.Search(ctx, tt.q)
		if err != nil || !slices.Equal(ids(hits.Hits), tt.want) {
			t.Errorf("%s: %+v, %v; want %v", name, hits, err, tt.want)
		}
	}
	hits, err := x.SearchFile(ctx, client.Bytes("", picture(t, color.RGBA{255, 0, 0, 255})), client.Query{K: 2, Within: &within, Offset: 1, Filter: index.Filter{Not: &index.Filter{Label: index.In("l")}}})
	if err != nil || !slices.Equal(ids(hits.Hits), []string{"green"}) || hits.Hits[0].Thumb == "" {
		t.Errorf("a picture finds %+v, %v", hits, err)
	}
	batch, err := x.SearchBatch(ctx, []client.Query{{Example: client.Example{ID: "b"}, K: 1}, {Example: client.Example{ID: "red"}, K: 1, Filter: filter}})
	if err != nil || len(batch) != 2 || len(batch[0]) != 1 || !slices.Equal(ids(batch[1]), []string{"green"}) {
		t.Errorf("a batch finds %+v, %v", batch, err)
	}

	var listed []string
	for item, err := range x.List(ctx, index.Filter{}, true) { // in two parts
		if err != nil || len(item.Vector) != 2 {
			t.Fatal(item, err)
		}
		listed = append(listed, item.ID)
	}
	if want := []string{"a/b c", "b", "green", "red"}; !slices.Equal(listed, want) {
		t.Errorf("the list is %v, want %v", listed, want)
	}
	if n, err := x.Count(ctx, filter); n != 1 || err != nil {
		t.Errorf("%d items, %v", n, err)
	}
	if n, err := x.DeleteWhere(ctx, filter); n != 1 || err != nil {
		t.Errorf("%d deleted, %v", n, err)
	}
	if n, err := x.Delete(ctx, []string{"b", "none"}); n != 1 || err != nil {
		t.Errorf("%d deleted, %v", n, err)
	}
	if info, err := x.Info(ctx); err != nil || info.Len != 2 {
		t.Errorf("the index is %+v, %v", info, err)
	}
}

// TestRefusals of the server, and of the client where nothing need be asked.
func TestRefusals(t *testing.T) {
	c, ctx := started(t), t.Context()
	x := c.Index("points")
	for name, tt := range map[string]struct {
		err    error
		status int
		field  string
		text   string
	}{
		"no item":      {second(x.Get(ctx, "none")), 404, "", `there is no item "none"`},
		"no index":     {second(c.Index("none").Info(ctx)), 404, "", "none"},
		"no model":     {second(c.Infer(ctx, "none", nil)), 404, "", "none"},
		"k":            {second(x.Search(ctx, client.Query{Example: client.Example{Vector: []float32{1, 2}}, K: 4})), 422, "k", "k is 4"},
		"in a batch":   {second(x.SearchBatch(ctx, []client.Query{{}})), 422, "queries[0]", "one of vector, image and id"},
		"empty filter": {second(x.DeleteWhere(ctx, index.Filter{})), 422, "", "does not let all pass"},
		"empty list":   {second(x.Count(ctx, index.Filter{Label: index.Condition{In: []string{}}})), 0, "", "filter.Label"},
		"vector":       {x.Add(ctx, []client.NewItem{{Item: index.Item{ID: "a", Vector: []float32{1}}}}), 422, "items[0].vector", "1 coordinates"},
		"two":          {second(x.SearchFile(ctx, client.File{}, client.Query{Example: client.Example{ID: "a"}})), 0, "", "has an example"},
		"equals sign":  {x.AddFile(ctx, client.File{}, index.Item{ID: "a", Fields: map[string]string{"a=": "b"}}), 0, "", `field "a="`},
		"picture":      {second(x.SearchFile(ctx, client.Bytes("", []byte("text")), client.Query{})), 422, "image", "image"},
	} {
		p := &client.Error{}
		errors.As(tt.err, &p)
		if tt.err == nil || p.Status != tt.status || p.Field != tt.field || !strings.Contains(tt.err.Error(), tt.text) {
			t.Errorf("%s: the error is %v (status %d, field %q), want %d, %q and %q", name, tt.err, p.Status, p.Field, tt.status, tt.field, tt.text)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := x.Info(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestInfer: a model gives what it gives here, for every output and those that are named.
func TestInfer(t *testing.T) {
	c, ctx := started(t), t.Context()
	m, err := c.Model(ctx, "affine")
	if err != nil || m.Name != "affine" || len(m.Inputs) != 1 || m.Inputs[0].Name != "x" || m.Inputs[0].Datatype != "FP32" || m.Outputs[0].Name != "y" {
		t.Fatalf("the model is %+v, %v", m, err)
	}
	in, err := client.NewTensor("x", []int{2, 3}, []float32{1, 2, 3, -1, 0.5, 1e-20})
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range [][]string{nil, {"y"}} {
		out, err := c.Infer(ctx, "affine", []client.Tensor{in}, names...)
		if err != nil || len(out) != 1 || !slices.Equal(out[0].Shape, []int{2, 3}) {
			t.Fatalf("the outputs are %+v, %v", out, err)
		}
		y, err := client.Elements[float32](out[0])
		if want := []float32{3, 5, 7, -1, 2, 1}; err != nil || !slices.Equal(y, want) {
			t.Errorf("y is %v, %v; want %v", y, err, want)
		}
		if _, err := client.Elements[int64](out[0]); err == nil || !strings.Contains(err.Error(), "of FP32, not of INT64") {
			t.Errorf("the error is %v", err)
		}
	}
	p := (*client.Error)(nil)
	if _, err := c.Infer(ctx, "affine", []client.Tensor{in}, "z"); !errors.As(err, &p) || p.Status != http.StatusBadRequest || !strings.Contains(p.Detail, `no output "z"`) {
		t.Errorf("the error is %v", err)
	}
	if _, err := client.NewTensor("x", []int{2, 2}, []float32{1}); err == nil || !strings.Contains(err.Error(), "has 1 elements; its shape [2 2] has 4") {
		t.Errorf("the error is %v", err)
	}
}

// TestElements: every type comes back as it went in.
func TestElements(t *testing.T) {
	back(t, "BOOL", []bool{true, false})
	back(t, "UINT8", []uint8{0, 255})
	back(t, "UINT16", []uint16{1, 1 << 15})
	back(t, "UINT32", []uint32{1, 1 << 31})
	back(t, "UINT64", []uint64{1, 1 << 63})
	back(t, "INT8", []int8{-1, 1})
	back(t, "INT16", []int16{-1, 1 << 14})
	back(t, "INT32", []int32{-1, 1 << 30})
	back(t, "INT64", []int64{-1, 1 << 62})
	back(t, "FP32", []float32{-1, 1e-30})
	back(t, "FP64", []float64{-1, 1e-300})
}

func back[T client.Element](t *testing.T, datatype string, elements []T) {
	t.Helper()
	one, err := client.NewTensor("t", []int{len(elements)}, elements)
	if err != nil || one.Datatype != datatype {
		t.Errorf("the tensor is %+v, %v", one, err)
	}
	if all, err := client.Elements[T](one); err != nil || !slices.Equal(all, elements) {
		t.Errorf("%s: %v, %v; want %v", datatype, all, err, elements)
	}
}
