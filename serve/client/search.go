package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/energo-ml/energo/search/index"
)

// Index is an index of the server.
type Index struct {
	c    *Client
	path string
}

// Index is the one of a name, or the only one where the name is "".
func (c *Client) Index(name string) *Index {
	if name == "" {
		return &Index{c, "/v1"}
	}
	return &Index{c, "/v1/indexes/" + url.PathEscape(name)}
}

// Example is something to search by: one of Vector, Image and ID.
type Example struct {
	Vector []float32 `json:"vector,omitempty"`
	Image  []byte    `json:"image,omitempty"` // a picture's file
	ID     string    `json:"id,omitempty"`    // of an item, which is not among its own hits
}

// Weighted is an Example whose part in a mean is weighted; 0 is 1.
type Weighted struct {
	Example
	Weight float64 `json:"weight,omitempty"`
}

// Query says what to search for: an Example, or the mean of Like, moved away from Unlike; words, alone or beside one of these.
type Query struct {
	Example
	Text   string       `json:"text,omitempty"` // words that are looked for, as index.Query has them
	Like   []Weighted   `json:"like,omitempty"`
	Unlike []Weighted   `json:"unlike,omitempty"`
	Away   *float64     `json:"away,omitempty"`   // how far from Unlike; nil is index.DefaultAway
	K      int          `json:"k,omitempty"`      // hits; 0 is the server's default
	Offset int          `json:"offset,omitempty"` // hits that are left out before these
	Within *float64     `json:"within,omitempty"` // only items at most this far
	Filter index.Filter `json:"filter,omitzero"`  // only items that pass
}

// Hit is an item that was found. Distance is 0 where words alone were looked for.
type Hit struct {
	index.Hit
	Thumb   string `json:"thumb,omitempty"`   // the path of its picture, made small; "" where it has none
	Picture string `json:"picture,omitempty"` // the path of its picture, as large as a screen
}

// Hits are what a search finds, the nearest first.
type Hits struct {
	Hits         []Hit   `json:"hits"`
	EncodeMillis float64 `json:"encode_ms"` // of the server's network, with waiting
	SearchMillis float64 `json:"search_ms"` // of its index, with waiting
}

// Search finds the items nearest to an example, or to several.
// Errors: a filter that no index takes; what the server refuses.
func (x *Index) Search(ctx context.Context, q Query) (*Hits, error) {
	if err := q.Filter.Check("filter"); err != nil {
		return nil, err
	}
	var out Hits
	return &out, x.c.post(ctx, x.path+"/search", q, &out)
}

// SearchBatch answers several searches, all or none: the hits of each, in their order.
// Errors: as of Search.
func (x *Index) SearchBatch(ctx context.Context, queries []Query) ([][]Hit, error) {
	for i := range queries {
		if err := queries[i].Filter.Check(fmt.Sprintf("queries[%d].filter", i)); err != nil {
			return nil, err
		}
	}
	var out struct{ Results []Hits }
	if err := x.c.post(ctx, x.path+"/search/batch", map[string][]Query{"queries": queries}, &out); err != nil {
		return nil, err
	}
	if len(out.Results) != len(queries) {
		return nil, fmt.Errorf("client: the server answers %d searches with %d results", len(queries), len(out.Results))
	}
	all := make([][]Hit, len(queries))
	for i, r := range out.Results {
		all[i] = r.Hits
	}
	return all, nil
}

// SearchFile finds the items nearest to a picture, which is read while it is sent. Of the query Text, K, Offset, Within and Filter count.
// Errors: as of Search; a query that has more.
func (x *Index) SearchFile(ctx context.Context, picture File, q Query) (*Hits, error) {
	if q.Vector != nil || q.Image != nil || q.ID != "" || q.Like != nil || q.Unlike != nil || q.Away != nil {
		return nil, fmt.Errorf("client: the query of a picture has an example; Text, K, Offset, Within and Filter are what it may have")
	}
	params, err := filterParams(q.Filter)
	if err != nil {
		return nil, err
	}
	if q.Text != "" {
		params.Set("text", q.Text)
	}
	if q.K != 0 {
		params.Set("k", strconv.Itoa(q.K))
	}
	if q.Offset != 0 {
		params.Set("offset", strconv.Itoa(q.Offset))
	}
	if q.Within != nil {
		params.Set("within", strconv.FormatFloat(*q.Within, 'g', -1, 64))
	}
	var out Hits
	b := raw(picture)
	return &out, x.c.ask(ctx, http.MethodPost, x.path+"/search"+query(params), &b, &out)
}

// filterParams is a filter in an address.
func filterParams(f index.Filter) (url.Values, error) {
	params := url.Values{}
	if f.IsZero() {
		return params, nil
	}
	if err := f.Check("filter"); err != nil {
		return nil, err
	}
	text, err := json.Marshal(f)
	params.Set("filter", string(text))
	return params, err
}

// query is the part of an address behind its path.
func query(params url.Values) string {
	if len(params) == 0 {
		return ""
	}
	return "?" + params.Encode()
}
