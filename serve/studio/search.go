package studio

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/search"
	"github.com/energo-ml/energo/serve/wire"
)

// indexesMost is how many indexes of the folder are open at a time.
const indexesMost = 16

// indexFolder is that of a run's own index.
const indexFolder = "index"

// indexes are those that the page of searches is about: the ones that Options name, and those in the folder of the runs.
type indexes struct {
	service *search.Service

	mu    sync.Mutex
	own   map[string]search.Options // that Options name
	held  map[string]string         // names of those in the folder, by their paths
	wrong map[string]string         // why one in the folder cannot be searched, by its path
}

// mountSearch has the server answer searches, with their page at /search/.
func mountSearch(server *serve.Server, own map[string]search.Options) (*indexes, error) {
	x := &indexes{own: own, held: map[string]string{}, wrong: map[string]string{}}
	var err error
	if x.service, err = search.MountBeside(server, search.Bounds{}, search.Beside{Path: "/search/", Back: "../#/", Title: "energo studio"}); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if _, err := x.service.Put(name, own[name]); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// searched are the routes of the view of searches.
func (s *service) searched() []serve.Route {
	one := openapi.Object(map[string]openapi.Schema{"name": openapi.Text(), "path": openapi.Text()}, "name")
	wrong := openapi.Object(map[string]openapi.Schema{"path": openapi.Text(), "why": openapi.Text()}, "path", "why")
	return []serve.Route{{Pattern: "GET /v1/studio/indexes", Do: s.indexList, Doc: openapi.Operation{
		ID: "studioIndexes", Summary: "The indexes that are searched", Description: "Those in the folder of the runs are opened, to be read alone, when they are asked for.",
		Answers: map[int]openapi.Answer{200: {Description: "Their names for /v1/indexes/NAME, and what cannot be opened.", Content: openapi.Content{"application/json": openapi.Object(map[string]openapi.Schema{
			"indexes": openapi.ListOf(one), "wrong": openapi.ListOf(wrong),
		}, "indexes", "wrong")}}},
	}}}
}

func (s *service) indexList(w http.ResponseWriter, r *http.Request) error {
	type named struct {
		Name string `json:"name"`
		Path string `json:"path,omitempty"`
	}
	type failed struct {
		Path string `json:"path"`
		Why  string `json:"why"`
	}
	x := s.indexes
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.look(r.Context(), s.o.Folder, s.o.OpenIndex); err != nil {
		return err
	}
	list, wrong := []named{}, []failed{}
	for _, name := range slices.Sorted(maps.Keys(x.own)) {
		list = append(list, named{Name: name})
	}
	for _, path := range slices.Sorted(maps.Keys(x.held)) {
		list = append(list, named{x.held[path], path})
	}
	for _, path := range slices.Sorted(maps.Keys(x.wrong)) {
		wrong = append(wrong, failed{path, x.wrong[path]})
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"indexes": list, "wrong": wrong})
	return nil
}

// look opens the indexes of the folder that are new, and drops those that are gone.
func (x *indexes) look(ctx context.Context, folder string, open func(context.Context, string) (search.Options, error)) error {
	if open == nil {
		return nil
	}
	paths, err := indexPaths(folder)
	if err != nil {
		return err
	}
	for path, name := range x.held {
		if !slices.Contains(paths, path) {
			x.service.Drop(name)
			delete(x.held, path)
		}
	}
	clear(x.wrong)
	for _, path := range paths {
		if x.held[path] != "" {
			continue
		}
		if len(x.held) >= indexesMost {
			x.wrong[path] = fmt.Sprintf("%d others are open, which is what is allowed; --index names those that are needed", indexesMost)
			continue
		}
		err := x.put(ctx, folder, path, open)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !errors.Is(err, index.ErrNoIndex) {
			x.wrong[path] = err.Error()
		}
	}
	return nil
}

// put opens an index of the folder, and waits until it can be searched.
func (x *indexes) put(ctx context.Context, folder, path string, open func(context.Context, string) (search.Options, error)) error {
	o, err := open(ctx, filepath.Join(folder, filepath.FromSlash(path)))
	if err != nil {
		return err
	}
	name := x.nameOf(path)
	wait, err := x.service.Put(name, o)
	if err != nil {
		if o.Close != nil {
			err = errors.Join(err, o.Close())
		}
		return err
	}
	if err = wait(); err == nil {
		x.held[path] = name
	}
	return err
}

// unfit are characters that a name in a path of the server cannot have.
var unfit = regexp.MustCompile(`[^A-Za-z0-9_.-]+|^[-.]+`)

// nameOf is a name for an index of the folder that no other has: that of its folder, or of the run that it is of.
func (x *indexes) nameOf(path string) string {
	base := path
	if filepath.Base(path) == indexFolder && filepath.Dir(path) != "." {
		base = filepath.ToSlash(filepath.Dir(path))
	}
	base = unfit.ReplaceAllString(base, "_")
	base = base[:min(len(base), 100)]
	taken := slices.Collect(maps.Values(x.held))
	name := base
	for i := 2; slices.Contains(taken, name) || x.own[name].Index != nil; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	return name
}

// indexPaths are the folders that may be indexes: those beside the runs, and one in each run.
func indexPaths(folder string) (paths []string, err error) {
	runs, err := names(folder)
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		path := run + "/" + indexFolder
		if info, err := os.Stat(filepath.Join(folder, filepath.FromSlash(path))); err == nil && info.IsDir() {
			paths = append(paths, path)
		}
	}
	return paths, eachFolder(folder, func(name string) error {
		if !isRun(filepath.Join(folder, name)) {
			paths = append(paths, name)
		}
		return nil
	})
}
