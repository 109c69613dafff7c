package studio

import (
	"errors"
	"io/fs"
	"net/http"
	"os"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// runs are the routes of the view of the runs.
func (s *service) runs() []serve.Route {
	return []serve.Route{{Pattern: "GET /v1/studio/runs", Do: s.list, Doc: openapi.Operation{
		ID: "runs", Summary: "The runs of the folder",
		Answers: map[int]openapi.Answer{200: {Description: "The runs.", Content: openapi.Content{"application/json": {"type": "object"}}}},
	}}}
}

// listed is a run in the list.
type listed struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

func (s *service) list(w http.ResponseWriter, _ *http.Request) error {
	entries, err := os.ReadDir(s.o.Folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	all := []listed{}
	for _, e := range entries {
		if e.IsDir() {
			all = append(all, listed{Name: e.Name()})
		}
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"runs": all})
	return nil
}
