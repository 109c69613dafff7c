package optim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
)

// stepName names the count of steps in the state.
const stepName = "step"

// slot is what an optimiser remembers of one parameter.
type slot struct {
	param *autodiff.Param   // nil until met after Restore
	steps int               // how many steps it has had
	last  int               // the history's step that was its last; 0 after Restore
	buf   [3]*tensor.Tensor // one a kind; nil where it has had no step yet
}

// history is what an optimiser remembers: for each parameter, buffers of fixed kinds.
type history struct {
	slots    map[string]*slot
	order    []string // the parameters' names as they were met
	steps    int      // calls of Step
	restored bool     // what was restored has not been held against parameters yet
}

// begin counts a step, after making sure that what was restored fits the parameters.
func (h *history) begin(params []*autodiff.Param, kinds []string) {
	if h.restored || h.slots == nil {
		must(h.prepare(params, kinds))
	}
	h.steps++
}

// prepare makes the buffers of all parameters that are not frozen.
func (h *history) prepare(params []*autodiff.Param, kinds []string) error {
	if h.slots == nil {
		h.slots = map[string]*slot{}
	}
	met := make(map[string]bool, len(params))
	for _, p := range params {
		if met[p.Name] {
			return sameName(p)
		}
		met[p.Name] = true
		s := h.slots[p.Name]
		switch {
		case s != nil:
			if err := s.fits(p, kinds); err != nil {
				return err
			}
		case p.Frozen:
			continue
		case h.restored && h.steps > 0 && len(kinds) > 0:
			return fmt.Errorf("optim: the restored state has nothing for parameter %q", excerpt.Of(p.Name))
		}
		h.slot(p, kinds)
	}
	for _, name := range h.order {
		if h.restored && !met[name] {
			return fmt.Errorf("optim: the restored state is for parameter %q, which is not there", excerpt.Of(name))
		}
	}
	h.restored = false
	return nil
}

// sameName is the error of two parameters that states would confuse.
func sameName(p *autodiff.Param) error {
	return fmt.Errorf("optim: two parameters are named %q; what is remembered of a parameter goes by its name, which must be its own", p.Name)
}

// fits holds the slot against its parameter.
func (s *slot) fits(p *autodiff.Param, kinds []string) error {
	if s.param != nil && s.param != p {
		return sameName(p)
	}
	for i, kind := range kinds {
		b := s.buf[i]
		if b != nil && (b.DType() != p.Value.DType() || !slices.Equal(b.Shape(), p.Value.Shape())) {
			return fmt.Errorf("optim: %q of the state is %v%v, the parameter %v%v",
				kind+"."+p.Name, b.DType(), b.Shape(), p.Value.DType(), p.Value.Shape())
		}
	}
	return nil
}

// step counts a step of p and returns what is remembered of it.
func (h *history) step(p *autodiff.Param, kinds []string) *slot {
	s := h.slot(p, kinds)
	if s.last == h.steps {
		panic(sameName(p)) // p is there twice
	}
	s.last = h.steps
	s.steps++
	return s
}

// slot returns what is remembered of p, with its buffers, zero at first.
func (h *history) slot(p *autodiff.Param, kinds []string) *slot {
	s := h.slots[p.Name]
	if s == nil {
		s = &slot{}
		h.slots[p.Name] = s
		h.order = append(h.order, p.Name)
	}
	if s.param == p {
		return s
	}
	must(s.fits(p, kinds))
	s.param = p
	for i := range kinds {
		if s.buf[i] == nil {
			s.buf[i] = tensor.New(p.Value.DType(), p.Value.Shape()...)
		}
	}
	return s
}

func (h *history) state(kinds []string) []tensor.Named {
	all := []tensor.Named{count(stepName, h.steps)}
	for _, name := range h.order {
		s := h.slots[name]
		if s.steps != h.steps {
			all = append(all, count(stepName+"."+name, s.steps))
		}
		for i, kind := range kinds {
			if s.steps > 0 {
				all = append(all, tensor.Named{Name: kind + "." + name, Tensor: s.buf[i]})
			}
		}
	}
	return all
}

// count returns a number of steps as a tensor.
func count(name string, n int) tensor.Named {
	t := tensor.New(tensor.Float64, 1)
	t.Set(float64(n), 0)
	return tensor.Named{Name: name, Tensor: t}
}

func (h *history) restore(state []tensor.Named, kinds []string) error {
	fresh := history{slots: map[string]*slot{}, steps: -1, restored: true}
	for _, n := range state {
		if err := fresh.take(n, kinds); err != nil {
			return err
		}
	}
	if fresh.steps < 0 {
		return fmt.Errorf("optim: the state has no %q", stepName)
	}
	for _, name := range fresh.order {
		s := fresh.slots[name]
		if s.steps < 0 {
			s.steps = fresh.steps
		}
		for i, kind := range kinds {
			if (s.buf[i] != nil) != (s.steps > 0) {
				return fmt.Errorf("optim: the state has %s of %q, and its steps are %d", present(s.buf[i]), kind+"."+name, s.steps)
			}
		}
	}
	*h = fresh
	return nil
}

func present(t *tensor.Tensor) string {
	if t == nil {
		return "none"
	}
	return fmt.Sprintf("%v%v", t.DType(), t.Shape())
}

// take puts one tensor of a state in its place.
func (h *history) take(n tensor.Named, kinds []string) error {
	kind, name, ofParam := strings.Cut(n.Name, ".")
	if kind == stepName {
		return h.takeCount(n, name, ofParam)
	}
	i := slices.Index(kinds, kind)
	if i < 0 || !ofParam || n.Tensor == nil {
		return fmt.Errorf("optim: the state has %q; this optimiser knows %q and %q", excerpt.Of(n.Name), stepName, kinds)
	}
	s := h.named(name)
	if s.buf[i] != nil {
		return fmt.Errorf("optim: the state has %q twice", excerpt.Of(n.Name))
	}
	s.buf[i] = n.Tensor.Clone()
	return nil
}

func (h *history) takeCount(n tensor.Named, name string, ofParam bool) error {
	if n.Tensor == nil || n.Tensor.Len() != 1 {
		return fmt.Errorf("optim: the state's %q is not one number", n.Name)
	}
	v := n.Tensor.Reshape(1).At(0)
	if v < 0 || v != float64(int(v)) {
		return fmt.Errorf("optim: the state's %q is %v, not a number of steps", n.Name, v)
	}
	steps := &h.steps
	if ofParam {
		steps = &h.named(name).steps
	}
	if *steps >= 0 {
		return fmt.Errorf("optim: the state has %q twice", excerpt.Of(n.Name))
	}
	*steps = int(v)
	return nil
}

// named returns the slot of a state's parameter; its steps are −1 until known.
func (h *history) named(name string) *slot {
	s := h.slots[name]
	if s == nil {
		s = &slot{steps: -1}
		h.slots[name] = s
		h.order = append(h.order, name)
	}
	return s
}
