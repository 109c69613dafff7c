package job

import (
	"context"
	"errors"
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/export"
)

// ErrNoNetwork is for runs whose model has no form in ONNX.
var ErrNoNetwork = errors.New("the model has no form in ONNX")

// noNetwork is an error that is an ErrNoNetwork, and says more.
type noNetwork struct{ error }

func (e noNetwork) Unwrap() []error { return []error{e.error, ErrNoNetwork} }

// Export returns the network of a finished run of one of the jobs as an ONNX model that is being built. Its metadata has the job's name.
//
// Errors: those of Open or, where the settings are Carded, of their card; ErrNoNetwork for a run of a job whose model is no Network, or one
// that cannot be written as ONNX.
func Export(ctx context.Context, dir string, jobs []Job, env Env) (*export.Graph, error) {
	j, s, err := ReadConfig(dir, jobs)
	if err != nil {
		return nil, err
	}
	g, err := graphOf(ctx, dir, jobs, env, j, s)
	if err != nil {
		return nil, err
	}
	g.Metadata("job", j.Name)
	return g, nil
}

func graphOf(ctx context.Context, dir string, jobs []Job, env Env, j Job, s Spec) (*export.Graph, error) {
	if c, ok := s.(Carded); ok {
		return c.Graph(dir)
	}
	r, err := Open(ctx, dir, jobs, env)
	if err != nil {
		return nil, err
	}
	n, ok := r.Model.(Network)
	if !ok {
		return nil, noNetwork{fmt.Errorf("%s is a run of %s, whose model is not a network: it has no form in ONNX", dir, j.Name)}
	}
	g, err := n.Graph(ctx)
	if err != nil && ctx.Err() == nil {
		err = noNetwork{err}
	}
	return g, err
}
