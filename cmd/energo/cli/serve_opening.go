package cli

import (
	"context"
	"maps"
	"slices"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// opening says for /readyz which models could not be opened, which no service knows.
type opening struct{ *servedSet }

func (opening) Name() string          { return "opening" }
func (opening) Routes() []serve.Route { return nil }
func (opening) Close()                {}

func (o opening) Ready(ctx context.Context) error {
	_, err := o.Models(ctx)
	return err
}

// Models are those that failed. The server is not ready where it was started with the name of one, which was never served.
func (o opening) Models(context.Context) (all map[string]wire.State, err error) {
	all = map[string]wire.State{}
	o.list(func() {
		for _, name := range slices.Sorted(maps.Keys(o.failed)) {
			all[name] = wire.State{Status: wire.StatusFailed, Detail: o.failed[name].Error()}
			if o.served[name] {
				all[name] = wire.State{Status: wire.StatusReady, Detail: "a newer version could not be opened, and what was served stays: " + o.failed[name].Error()}
			} else if o.needed[name] && err == nil {
				err = wire.Unavailable("the model " + name + " failed")
			}
		}
	})
	return all, err
}
