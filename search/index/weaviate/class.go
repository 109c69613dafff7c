package weaviate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

// Properties of an object.
const (
	propertyKey    = "key"    // the item's identifier
	propertyLabel  = "label"  // its label
	propertyFields = "fields" // its fields, as a JSON object
	propertyTerms  = "terms"  // label and fields once more, each as one term that filters find
	propertyOrder  = "order"  // when it was added
)

// about is the description of a class of ours, as JSON.
type about struct {
	Energo  int           `json:"energo"` // version of the layout
	Dim     int           `json:"dim"`
	Metric  distance.Kind `json:"metric"`
	Storage index.Storage `json:"storage"`
	Encoder string        `json:"encoder,omitempty"`
}

// layout is the version of the classes that this package makes and reads.
const layout = 1

// maxDim is Weaviate's limit.
const maxDim = 65535

// distances are Weaviate's names of the metrics.
var distances = map[distance.Kind]string{
	distance.Euclidean: "l2-squared",
	distance.Cosine:    "cosine",
	distance.Dot:       "dot",
}

// class is what of a class of the schema matters here.
type class struct {
	Name        string            `json:"class"`
	Description string            `json:"description"`
	Vectorizer  string            `json:"vectorizer"`
	IndexType   string            `json:"vectorIndexType"`
	IndexConfig map[string]any    `json:"vectorIndexConfig"`
	Replication *replicationTable `json:"replicationConfig,omitempty"`
	Sharding    *shardingTable    `json:"shardingConfig,omitempty"`
	Properties  []property        `json:"properties"`
}

type replicationTable struct {
	Factor int `json:"factor"`
}

type shardingTable struct {
	DesiredCount int `json:"desiredCount"`
	ActualCount  int `json:"actualCount,omitempty"` // as the server says
}

type property struct {
	Name         string   `json:"name"`
	DataType     []string `json:"dataType"`
	Tokenization string   `json:"tokenization"`
	Filterable   bool     `json:"indexFilterable"`
	Searchable   bool     `json:"indexSearchable"`
}

// newClass is the class that holds an index of these options.
func (a *location) newClass(o index.Options) (*class, error) {
	o, err := o.Check()
	if err != nil {
		return nil, err
	}
	if o.Dim > maxDim {
		return nil, fmt.Errorf("weaviate: Dim is %d; the server takes at most %d", o.Dim, maxDim)
	}
	description, err := json.Marshal(about{layout, o.Dim, o.Metric, o.Storage, o.Encoder})
	if err != nil {
		return nil, fmt.Errorf("weaviate: %w", err)
	}
	config := map[string]any{"distance": distances[o.Metric]}
	switch {
	case o.Storage == index.Float32:
		config["skipDefaultQuantization"] = true // servers may be set to round otherwise
	case o.Storage == index.Bits:
		return nil, errors.New("weaviate: storage bits is for folders; the server has its own codes, see int8")
	case a.graph == "hnsw":
		config["sq"] = map[string]any{"enabled": true}
	default:
		return nil, errors.New("weaviate: storage int8 is there for index=hnsw only")
	}
	c := &class{
		Name: a.class, Description: string(description), Vectorizer: "none",
		IndexType: a.graph, IndexConfig: config,
	}
	if a.replicas > 0 {
		c.Replication = &replicationTable{a.replicas}
	}
	if a.shards > 0 {
		c.Sharding = &shardingTable{DesiredCount: a.shards}
	}
	for _, name := range []string{propertyKey, propertyLabel, propertyFields, propertyTerms, propertyOrder} {
		p := property{Name: name, DataType: []string{"text"}, Tokenization: "field"}
		if name == propertyTerms {
			p.DataType[0], p.Filterable = "text[]", true
		}
		c.Properties = append(c.Properties, p)
	}
	return c, nil
}

// learn takes from a class as the server has it what the index is.
func (x *Index) learn(body []byte) error {
	var c class
	if err := json.Unmarshal(body, &c); err != nil {
		return fmt.Errorf("weaviate: class %s: the server's answer: %w", x.class, err)
	}
	var ab about
	if err := json.Unmarshal([]byte(c.Description), &ab); err != nil || ab.Energo == 0 {
		return fmt.Errorf("weaviate: class %s was not made as an index of energo: its description is not one", x.class)
	}
	if ab.Energo > layout {
		return fmt.Errorf("weaviate: class %s was made by a newer energo: it has layout %d, this one knows %d", x.class, ab.Energo, layout)
	}
	if _, err := ab.options().Check(); err != nil {
		return fmt.Errorf("weaviate: class %s: its description: %w", x.class, err)
	}
	x.about, x.shards, x.copies = ab, 1, 1
	if c.Sharding != nil {
		x.shards = max(x.shards, c.Sharding.ActualCount)
	}
	if c.Replication != nil {
		x.copies = max(x.copies, c.Replication.Factor)
	}
	return nil
}

func (ab *about) options() index.Options {
	return index.Options{Dim: ab.Dim, Metric: ab.Metric, Storage: ab.Storage, Encoder: ab.Encoder}
}

// readClass asks for the class: first for what a node itself knows, which it does also
// where the cluster has no leader, then for what the leader knows, which is never late.
func (x *Index) readClass(ctx context.Context) ([]byte, error) {
	path := "/v1/schema/" + x.class
	body, err := x.client.do(ctx, http.MethodGet, path, http.Header{"Consistency": {"false"}}, nil)
	if isStatus(err, http.StatusNotFound) {
		body, err = x.client.do(ctx, http.MethodGet, path, nil, nil)
	}
	if isStatus(err, http.StatusNotFound) {
		return nil, fmt.Errorf("weaviate: there is no class %s at %s: %w", x.class, x.client.hosts[0], fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("read class %s: %w", x.class, err)
	}
	return body, nil
}
