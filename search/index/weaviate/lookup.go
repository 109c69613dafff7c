package weaviate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/energo-ml/energo/search/index"
)

// row is an object as GraphQL gives it.
type row struct {
	Key        string   `json:"key"`
	Label      string   `json:"label"`
	Fields     string   `json:"fields"`
	Terms      []string `json:"terms"`
	Order      string   `json:"order"`
	Additional struct {
		ID       string    `json:"id"`
		Distance *float64  `json:"distance"`
		Vector   []float32 `json:"vector"`
	} `json:"_additional"`
}

// ask asks for objects of the class; the arguments and the fields of each are GraphQL.
func (x *Index) ask(ctx context.Context, arguments, fields string) ([]row, error) {
	var out struct {
		Get map[string][]row
	}
	if x.copies > 1 { // otherwise the server knows no such argument
		arguments += ",consistencyLevel:ONE"
	}
	question := fmt.Sprintf("{Get{%s(%s){%s}}}", x.class, arguments, fields)
	if err := x.client.graphQL(ctx, question, &out); err != nil {
		return nil, err
	}
	return out.Get[x.class], nil
}

// objects returns those of some UUIDs that are there, whole.
func (x *Index) objects(ctx context.Context, uuids []string) ([]object, error) {
	return x.objectsBy(ctx, fmt.Sprintf("limit:%d,where:%s", len(uuids), anyOf("id", uuids).graphQL()))
}

func (x *Index) objectsBy(ctx context.Context, arguments string) ([]object, error) {
	rows, err := x.ask(ctx, arguments, "key label fields terms order _additional{id vector}")
	if err != nil {
		return nil, err
	}
	all := make([]object, len(rows))
	for i, r := range rows {
		all[i] = object{x.class, r.Additional.ID, r.Additional.Vector, properties{r.Key, r.Label, r.Fields, r.Terms, r.Order}}
	}
	return all, nil
}

// Get returns the item of an identifier; ok is false where there is none.
func (x *Index) Get(ctx context.Context, id string) (item index.Item, ok bool, err error) {
	if err := index.CheckIDs([]string{id}); err != nil {
		return index.Item{}, false, err
	}
	body, err := x.client.do(ctx, http.MethodGet, "/v1/objects/"+x.class+"/"+uuid(id)+"?include=vector&consistency_level=ONE", nil, nil)
	if isStatus(err, http.StatusNotFound) {
		return index.Item{}, false, nil
	}
	if err != nil {
		return index.Item{}, false, fmt.Errorf("get item %q: %w", id, err)
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		return index.Item{}, false, fmt.Errorf("weaviate: get item %q: the server's answer: %w", id, err)
	}
	item, err = o.item()
	return item, err == nil, err
}

// Delete takes items out and returns how many there were, by the server's count: if an answer was
// lost on its way and the request sent again, the items that the first one took out are not among them.
func (x *Index) Delete(ctx context.Context, ids []string) (int, error) {
	if err := index.CheckIDs(ids); err != nil {
		return 0, err
	}
	if err := x.allThere(ctx); err != nil {
		return 0, err
	}
	uuids := make([]string, 0, len(ids))
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			uuids = append(uuids, uuid(id))
		}
	}
	return x.deleteAll(ctx, uuids)
}

// deleteAll deletes objects by their UUIDs.
func (x *Index) deleteAll(ctx context.Context, uuids []string) (int, error) {
	total := 0
	for lo := 0; lo < len(uuids); lo += batchItems {
		n, err := x.deleteSome(ctx, uuids[lo:min(lo+batchItems, len(uuids))])
		total += n
		if err != nil {
			return total, fmt.Errorf("delete: %w", err)
		}
	}
	return total, nil
}

func (x *Index) deleteSome(ctx context.Context, uuids []string) (int, error) {
	return x.deleteMatches(ctx, anyOf("id", uuids))
}

// deleteMatches deletes the objects that pass a filter, or as many as the server does at a time.
func (x *Index) deleteMatches(ctx context.Context, w *where) (int, error) {
	type match struct {
		Class string `json:"class"`
		Where *where `json:"where"`
	}
	body, err := json.Marshal(struct {
		Match  match  `json:"match"`
		Output string `json:"output"`
	}{match{x.class, w}, "minimal"})
	if err != nil {
		return 0, fmt.Errorf("weaviate: %w", err)
	}
	answer, err := x.client.do(ctx, http.MethodDelete, "/v1/batch/objects?"+x.level(), nil, body)
	if err != nil {
		return 0, err
	}
	var out struct {
		Results struct {
			Matches, Successful, Failed int
		}
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return 0, fmt.Errorf("weaviate: the server's answer: %w", err)
	}
	if r := out.Results; r.Failed > 0 {
		return r.Successful, fmt.Errorf("weaviate: the server could not delete %d of %d items", r.Failed, r.Matches)
	}
	return out.Results.Successful, nil
}
