package search

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

func askMap(t *testing.T, at, query string) (m mapAnswer) {
	t.Helper()
	r := send(t, "GET", at+"/v1/map"+query, "", nil)
	if err := json.Unmarshal([]byte(r.text), &m); r.status != 200 || err != nil {
		t.Fatalf("%s: %d %s, %v", query, r.status, r.text, err)
	}
	return m
}

func TestMap(t *testing.T) {
	_, at := start(t, album(t))
	all := askMap(t, at, "")
	if len(all.Items) != 145 || all.Of != 145 || all.More {
		t.Fatalf("%d items of %d", len(all.Items), all.Of)
	}
	for _, i := range all.Items {
		if i.X < -1 || i.X > 1 || i.Y < -1 || i.Y > 1 || i.Thumb == "" {
			t.Errorf("%+v", i)
		}
	}
	dogs := askMap(t, at, "?filter=label%3Ddog")
	if len(dogs.Items) != 10 || dogs.Items[0].Label != "dog" {
		t.Errorf("dogs are %+v", dogs)
	}
	// A sample is a part of every larger one.
	few, more := askMap(t, at, "?limit=20"), askMap(t, at, "?limit=40")
	larger := map[string]bool{}
	for _, i := range more.Items {
		larger[i.ID] = true
	}
	for _, i := range few.Items {
		if !larger[i.ID] {
			t.Errorf("%s is in a sample of 20, and not in one of 40", i.ID)
		}
	}
	if len(few.Items) != 20 || few.Of != 145 {
		t.Errorf("%d of %d items, want 20 of 145", len(few.Items), few.Of)
	}
	if none := askMap(t, at, "?filter=label%3Dbird"); len(none.Items) != 0 || none.Items == nil {
		t.Errorf("birds are %+v", none)
	}
	for query, want := range map[string]string{
		"?limit=0": "limit is", "?limit=5001": "from 1 to 5000", "?limit=x": "limit is", "?filter=" + url.QueryEscape("label <"): "filter",
		"?filter=path+exists": `cannot be asked for`, "?k=3": "k",
	} {
		if r := send(t, "GET", at+"/v1/map"+query, "", nil); r.status < 400 || r.status > 422 || !strings.Contains(r.text, want) {
			t.Errorf("%s: %d %s, want %q", query, r.status, r.text, want)
		}
	}
}

// A label that changes is on the next map; so is a vector. What did not change is not laid out again.
func TestMapFollowsTheIndex(t *testing.T) {
	ctx := t.Context()
	x, m := onDisk(t), newLayouts()
	s := &store{o: Options{Index: x}, limits: index.Options{Dim: 4, Metric: distance.Cosine}, layouts: m}
	place := func() mapAnswer {
		t.Helper()
		a, err := s.layOut(ctx, index.Filter{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	before, kept := place(), &m.kept[0].places[0]
	label := "new"
	if _, err := x.Update(ctx, []index.Patch{{ID: "set/2.png", Label: &label}}); err != nil {
		t.Fatal(err)
	}
	after := place()
	if after.Items[2].Label != "new" || before.Items[2].Label == "new" || len(m.kept) != 1 || kept != &m.kept[0].places[0] {
		t.Errorf("the map after another label: %+v, %d layouts", after, len(m.kept))
	}
	if err := x.Add(ctx, []index.Item{{ID: "set/2.png", Vector: []float32{1, 1, 1, 1}}}); err != nil {
		t.Fatal(err)
	}
	if place(); len(m.kept) != 2 {
		t.Error("another vector has the same layout")
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.layOut(over, index.Filter{}, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
}
