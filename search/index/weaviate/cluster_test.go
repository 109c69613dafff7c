package weaviate

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/indextest"
)

// serverVariable names the server's program; without it, the one that scripts/weaviate.sh build made is taken.
const serverVariable = "ENERGO_WEAVIATE"

var long = flag.Bool("long", false, "run the long tests, too")

// cluster is two nodes that this test started.
type cluster struct {
	dir   string
	hosts string
	env   []string
}

var theCluster struct {
	once sync.Once
	*cluster
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if c := theCluster.cluster; c != nil {
		if out, err := c.script("clean"); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			code = 1
		}
		os.RemoveAll(c.dir)
	}
	os.Exit(code)
}

// script runs scripts/weaviate.sh.
func (c *cluster) script(args ...string) ([]byte, error) {
	cmd := exec.Command("bash", append([]string{filepath.Join("..", "..", "scripts", "weaviate.sh")}, args...)...)
	cmd.Env = append(os.Environ(), c.env...)
	return cmd.CombinedOutput()
}

// startCluster starts two nodes, once for all tests, or skips where there is no server.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	server := os.Getenv(serverVariable)
	if server == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Skip(err)
		}
		server = filepath.Join(cache, "energo", "weaviate", "weaviate-server")
	}
	if _, err := os.Stat(server); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not there: build a server with scripts/weaviate.sh build, or name one's program in %s", server, serverVariable)
	}
	if testing.Short() {
		t.Skip("starting a cluster takes seconds")
	}
	theCluster.once.Do(func() { theCluster.cluster, theCluster.err = newCluster(server) })
	if theCluster.err != nil {
		t.Fatal(theCluster.err)
	}
	return theCluster.cluster
}

func newCluster(server string) (*cluster, error) {
	dir, err := os.MkdirTemp("", "weaviate")
	if err != nil {
		return nil, err
	}
	if server, err = filepath.Abs(server); err != nil {
		return nil, err
	}
	if err := os.Symlink(server, filepath.Join(dir, "weaviate-server")); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	c := &cluster{
		dir:   dir,
		hosts: fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d", port, port+1),
		env:   []string{"ENERGO_WEAVIATE_DIR=" + dir, "ENERGO_WEAVIATE_PORT=" + strconv.Itoa(port)},
	}
	out, err := c.script("start", "2")
	if err != nil {
		c.script("clean")
		os.RemoveAll(dir)
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	if !strings.Contains(string(out), c.hosts) {
		return nil, fmt.Errorf("weaviate.sh start prints\n%s\nwithout %s", out, c.hosts)
	}
	return c, nil
}

// freePort finds a port below those that connections take, with room above it for the nodes' others.
func freePort() (int, error) {
	for range 100 {
		port := 20_000 + 200*rand.IntN(50)
		free, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			return port, free.Close()
		}
	}
	return 0, errors.New("no port from 20000 to 30000 is free")
}

// classNumber gives each class of the tests a name of its own.
var classNumber atomic.Int32

// create makes a class that ends with its test.
func (c *cluster) create(t *testing.T, parameters string, o index.Options) *Index {
	t.Helper()
	x, err := Create(t.Context(), c.address(int(classNumber.Add(1)), parameters), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Drop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func (c *cluster) address(n int, parameters string) string {
	return fmt.Sprintf("weaviate://%s/Test%d?%s", c.hosts, n, parameters)
}

// TestConformance holds an index that is spread over two nodes, with copies, to what the interface says.
func TestConformance(t *testing.T) {
	c := startCluster(t)
	indextest.Run(t, func(t *testing.T, o index.Options) index.Index { return c.create(t, "shards=2&replicas=2", o) }, indextest.RichFilters)
}

// randomItems are n items at random.
func randomItems(r *rand.Rand, n, dim int) []index.Item {
	items := make([]index.Item, n)
	for i := range items {
		items[i] = index.Item{ID: fmt.Sprintf("item %d", i), Vector: make([]float32, dim), Label: fmt.Sprint(i % 10)}
		for j := range items[i].Vector {
			items[i].Vector[j] = float32(r.NormFloat64())
		}
	}
	return items
}

// TestGraph searches by graph and by comparing with all: the second is exact, and the first
// must find at least 19 of 20 that the second finds.
func TestGraph(t *testing.T) {
	c := startCluster(t)
	items := randomItems(rand.New(rand.NewPCG(5, 6)), 2000, 32)
	queries := make([]index.Query, 50)
	for i := range queries {
		queries[i] = index.Query{Vector: items[i].Vector, K: 10, Filter: index.Filter{}.Except(items[i].ID)}
	}
	var hits [2][][]index.Hit
	for i, parameters := range []string{"index=flat", "index=hnsw&replicas=2"} {
		x := c.create(t, parameters, index.Options{Dim: 32})
		begin := time.Now()
		if err := x.Add(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		added := time.Now()
		var err error
		if hits[i], err = x.Search(t.Context(), queries); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: Add %v, Search %v", parameters, added.Sub(begin), time.Since(added))
	}
	hit := 0
	for i := range queries {
		if len(hits[0][i]) != 10 || len(hits[1][i]) != 10 {
			t.Fatalf("query %d has %d and %d hits", i, len(hits[0][i]), len(hits[1][i]))
		}
		for _, h := range hits[1][i] {
			if slices.ContainsFunc(hits[0][i], func(g index.Hit) bool { return g.ID == h.ID }) {
				hit++
			}
		}
	}
	t.Logf("recall %.3f", float64(hit)/500)
	if hit < 475 {
		t.Errorf("the graph finds %d of 500 neighbours", hit)
	}
}

// TestLimits adds what is as large as an index takes, and rounded vectors.
func TestLimits(t *testing.T) {
	c := startCluster(t)
	o := index.Options{Dim: 3, Storage: index.Int8, Encoder: strings.Repeat("e", index.MaxEncoder)}
	x := c.create(t, "replicas=2", o)
	it := index.Item{ID: strings.Repeat("i", index.MaxID), Vector: []float32{1, 2, 3}, Label: strings.Repeat("l", index.MaxText), Fields: map[string]string{}}
	for i := range index.MaxFields {
		it.Fields[fmt.Sprint(i)] = "v"
	}
	it.Fields["0"] = strings.Repeat("v", index.MaxText-1)
	near := it
	near.ID, near.Label, near.Fields = "near", it.Label[1:]+"k", map[string]string{"0": it.Fields["0"][1:] + "w"}
	if err := x.Add(t.Context(), []index.Item{it, near}); err != nil {
		t.Fatal(err)
	}
	got, ok, err := x.Get(t.Context(), it.ID)
	if !ok || err != nil || !reflect.DeepEqual(got, it) {
		t.Errorf("the largest item is not what it was: %v, %v", ok, err)
	}
	for _, f := range []index.Filter{{Label: index.In(it.Label)}, {Fields: map[string]index.Condition{"0": index.In(it.Fields["0"])}}} {
		hits, err := x.Search(t.Context(), []index.Query{{Vector: []float32{1, 2, 3}, K: 2, Filter: f}})
		if err != nil || len(hits[0]) != 1 || hits[0][0].ID != it.ID {
			t.Errorf("%d hits, %v; want the largest item alone", len(hits[0]), err)
		}
	}
	again, err := Open(t.Context(), strings.Split(c.address(0, ""), "/Test")[0]+"/"+x.class)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	info, err := again.Info(t.Context())
	if want := (index.Info{Kind: "weaviate", Dim: 3, Len: 2, Metric: distance.Euclidean, Storage: index.Int8, Encoder: o.Encoder}); err != nil || info != want {
		t.Errorf("opened again it is %+v, %v", info, err)
	}
}

// TestCreateTwice makes a class that is there, and opens one that is not.
func TestCreateTwice(t *testing.T) {
	c := startCluster(t)
	x := c.create(t, "", index.Options{Dim: 2})
	_, err := Create(t.Context(), strings.Split(c.address(0, ""), "/Test")[0]+"/"+x.class, index.Options{Dim: 2})
	if err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("a class that is there: %v", err)
	}
	if _, err := Open(t.Context(), strings.Split(c.address(0, ""), "/Test")[0]+"/Nothing"); err == nil || !strings.Contains(err.Error(), "no class Nothing") {
		t.Errorf("a class that is not there: %v", err)
	}
}

// TestNodeLost kills a node, reads from the other, and writes once it is back. It is the last of
// the cluster's tests.
func TestNodeLost(t *testing.T) {
	if !*long {
		t.Skip("nodes take ten seconds to find each other again; -long waits for them")
	}
	c := startCluster(t)
	x := c.create(t, "shards=2&replicas=2", index.Options{Dim: 8})
	items := randomItems(rand.New(rand.NewPCG(7, 8)), 210, 8)
	if err := x.Add(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	if n, err := x.Delete(t.Context(), []string{"item 200", "item 201", "item 202", "item 203", "item 204", "item 205", "item 206", "item 207", "item 208", "item 209"}); n != 10 || err != nil {
		t.Fatal(n, err)
	}
	items = items[:200]
	for _, node := range []string{"0", "1"} {
		if out, err := c.script("kill", node); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		begin := time.Now()
		reads(t, c, x.class, items)
		t.Logf("node %s is gone: all was read in %v", node, time.Since(begin))
		begin = time.Now()
		if n, err := x.Delete(t.Context(), []string{"item 0"}); n != 0 || err == nil {
			t.Errorf("a Delete that one of two copies got took out %d, %v", n, err)
		}
		err := x.Add(t.Context(), []index.Item{{ID: "new", Vector: make([]float32, 8)}, {ID: "item 0", Vector: make([]float32, 8)}})
		t.Logf("Add: %v after %v", err, time.Since(begin))
		if err == nil {
			t.Error("an Add that one of two copies got has no error")
		}
		if out, err := c.script("start", "2"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		reads(t, c, x.class, items)
	}
	for tries := 0; ; tries++ { // the nodes need a moment to find each other
		err := x.Add(t.Context(), []index.Item{{ID: "new", Vector: make([]float32, 8)}})
		if err == nil {
			break
		}
		if tries == 20 {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
	}
	reads(t, c, x.class, append(items, index.Item{ID: "new", Vector: make([]float32, 8)}))
}

// reads opens the class anew and finds each item.
func reads(t *testing.T, c *cluster, class string, items []index.Item) {
	t.Helper()
	x, err := Open(t.Context(), "weaviate://"+c.hosts+"/"+class)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if info, err := x.Info(t.Context()); err != nil || info.Len != len(items) {
		t.Errorf("it has %d items, %v; want %d", info.Len, err, len(items))
	}
	queries := make([]index.Query, len(items))
	for i, it := range items {
		queries[i] = index.Query{Vector: it.Vector, K: 1}
	}
	hits, err := x.Search(t.Context(), queries)
	if err != nil {
		t.Fatal(err)
	}
	for i, it := range items {
		if len(hits[i]) != 1 || hits[i][0].ID != it.ID {
			t.Errorf("the nearest to %q is %+v", it.ID, hits[i])
		}
	}
	if got, ok, err := x.Get(t.Context(), items[0].ID); !ok || err != nil || !slices.Equal(got.Vector, items[0].Vector) {
		t.Errorf("Get is %+v, %v, %v", got, ok, err)
	}
}
