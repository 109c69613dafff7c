package tensor

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/pickle"
)

// torchKinds are the element types of PyTorch, by the kinds of safetensors, under the names of their types and of their storages.
var torchKinds = map[string]string{
	"torch.float64": "F64", "torch.float32": "F32", "torch.float16": "F16", "torch.bfloat16": "BF16",
	"torch.int64": "I64", "torch.int32": "I32", "torch.int16": "I16", "torch.int8": "I8",
	"torch.uint64": "U64", "torch.uint32": "U32", "torch.uint8": "U8", "torch.bool": "BOOL",
	"torch.DoubleStorage": "F64", "torch.FloatStorage": "F32", "torch.HalfStorage": "F16", "torch.BFloat16Storage": "BF16",
	"torch.LongStorage": "I64", "torch.IntStorage": "I32", "torch.ShortStorage": "I16", "torch.CharStorage": "I8",
	"torch.ByteStorage": "U8", "torch.BoolStorage": "BOOL",
	"torch.storage.UntypedStorage": "", "torch.UntypedStorage": "",
}

// bytesKind is that of a storage whose tensors say what its bytes are.
var bytesKind = kind{size: 1}

// torchGlobals are the functions and classes that a file may name.
var torchGlobals = map[string]func(pickle.Tuple) (any, error){
	"collections.OrderedDict":         torchDict,
	"collections.Counter":             torchDict,
	"torch.Size":                      torchSize,
	"torch.device":                    torchIgnored,
	"torch.serialization._get_layout": torchIgnored,
	"builtins.complex":                torchIgnored,
	"builtins.bytearray":              torchIgnored,
	"builtins.set":                    torchIgnored,
	"_codecs.encode":                  torchIgnored, // bytes
	"torch.Tensor":                    nil,          // only named as types of what others make
	"torch.nn.parameter.Parameter":    nil,

	"torch._utils._rebuild_tensor":               torchRebuild,
	"torch._utils._rebuild_tensor_v2":            torchRebuild,
	"torch._utils._rebuild_tensor_v3":            torchRebuildTyped,
	"torch._utils._rebuild_parameter":            torchFirst,
	"torch._utils._rebuild_parameter_with_state": torchFirst,
	"torch._tensor._rebuild_from_type_v2":        torchRebuildType,
}

// A torchGlobal is what a file names.
type torchGlobal struct {
	name string
	call func(pickle.Tuple) (any, error) // nil where it cannot be called
}

func (g torchGlobal) String() string { return g.name }

// A torchType is an element type, or a storage's.
type torchType struct {
	name string
	kind kind
}

func (t torchType) String() string { return t.name }

// torchOther is a value that is no tensor and contains none.
type torchOther struct{}

func (torchOther) String() string { return "a value that is no tensor" }

// torchHost makes tensors of what a pickle names.
type torchHost struct {
	storages map[string]*torchStorage // by their keys
	fields   int                      // of a storage's identifier
}

// Global implements pickle.Host.
func (h *torchHost) Global(module, name string) (any, error) {
	if module == "__builtin__" { // Python 2's, and protocol 2's
		module = "builtins"
	}
	full := module + "." + name
	if k, ok := torchKinds[full]; ok {
		return torchType{full, kindOf(k)}, nil
	}
	if call, ok := torchGlobals[full]; ok {
		return torchGlobal{full, call}, nil
	}
	return nil, fmt.Errorf("the global %s is not one of a state dictionary of dense tensors whose elements can be read; nothing else is built. In PyTorch, torch.save(model.state_dict(), path) writes tensors alone", excerpt.Line(excerpt.Of(full)))
}

// kindOf is the kind of a name.
func kindOf(name string) kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	return bytesKind
}

// Call implements pickle.Host.
func (h *torchHost) Call(callee any, arguments pickle.Tuple) (any, error) {
	g, ok := callee.(torchGlobal)
	if !ok || g.call == nil {
		return nil, fmt.Errorf("%s is called, which is no function that makes tensors", pickle.Kind(callee))
	}
	v, err := g.call(arguments)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g.name, err)
	}
	return v, nil
}

// Build implements pickle.Host. The state of a dictionary is what a module noted about its versions.
func (h *torchHost) Build(object, _ any) error {
	if _, ok := object.(*pickle.Dict); !ok {
		return fmt.Errorf("%s is given a state; only dictionaries may have one", pickle.Kind(object))
	}
	return nil
}

// Persistent implements pickle.Host: ("storage", type, key, device, number of elements), and in the old form a view, which must be None.
func (h *torchHost) Persistent(id any) (any, error) {
	t, _ := id.(pickle.Tuple)
	if len(t) != h.fields || t[0] != "storage" {
		return nil, fmt.Errorf("%s stands for something outside the pickle; it must be a tuple of %d that describes a storage", pickle.Kind(id), h.fields)
	}
	of, okType := t[1].(torchType)
	key, okKey := t[2].(string)
	count, okCount := t[4].(int)
	if !okType || !okKey || !okCount || count < 0 || count > math.MaxInt/8 || strings.HasPrefix(of.name, "torch.") && !strings.HasSuffix(of.name, "Storage") {
		return nil, fmt.Errorf("a storage has the type %s, the key %s and %v elements", pickle.Kind(t[1]), pickle.Kind(t[2]), t[4])
	}
	if h.fields > 5 && t[5] != nil {
		return nil, errors.New("a storage is a view of another, as PyTorch wrote before 0.4; load and save the file with a newer one")
	}
	s := &torchStorage{key, of.kind, count}
	if old := h.storages[key]; old != nil {
		if old.kind.name != s.kind.name || old.count != s.count {
			return nil, fmt.Errorf("storage %q has %d elements of %s, and elsewhere %d of %s", excerpt.Of(key), s.count, s.kind.name, old.count, old.kind.name)
		}
		return old, nil
	}
	h.storages[key] = s
	return s, nil
}

// torchDict is a dictionary, empty or of a list of pairs, as Python 2 has it.
func torchDict(a pickle.Tuple) (any, error) {
	d := &pickle.Dict{}
	if len(a) == 0 {
		return d, nil
	}
	if other, ok := a[0].(*pickle.Dict); ok && len(a) == 1 {
		return other, nil
	}
	pairs, ok := a[0].(*pickle.List)
	if !ok || len(a) != 1 {
		return nil, fmt.Errorf("%d arguments, the first %s; there must be none, or a list of pairs", len(a), pickle.Kind(a[0]))
	}
	for i, p := range pairs.Items {
		var kv []any
		switch p := p.(type) {
		case *pickle.List:
			kv = p.Items
		case pickle.Tuple:
			kv = p
		}
		if len(kv) != 2 {
			return nil, fmt.Errorf("pair %d is %s; it must be a key and its value", i, pickle.Kind(p))
		}
		d.Keys, d.Values = append(d.Keys, kv[0]), append(d.Values, kv[1])
	}
	return d, nil
}

func torchIgnored(pickle.Tuple) (any, error) { return torchOther{}, nil }

func torchSize(a pickle.Tuple) (any, error) {
	if len(a) == 1 {
		if t, ok := a[0].(pickle.Tuple); ok {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%d arguments; there must be a tuple", len(a))
}

// torchFirst is the tensor of a parameter.
func torchFirst(a pickle.Tuple) (any, error) {
	if len(a) > 0 {
		if t, ok := a[0].(*torchTensor); ok {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%d arguments; the first must be a tensor", len(a))
}

// torchRebuild makes a tensor of storage, offset, shape, strides, and what only matters for training. The seventh argument tells lazy
// negation and conjugation.
func torchRebuild(a pickle.Tuple) (any, error) {
	if len(a) < 4 || len(a) > 7 {
		return nil, fmt.Errorf("%d arguments; there must be 4 to 7", len(a))
	}
	s, ok := a[0].(*torchStorage)
	if !ok || s.kind.name == "" {
		return nil, fmt.Errorf("%s is no storage with a type", pickle.Kind(a[0]))
	}
	if len(a) == 7 {
		if err := torchPlain(a[6]); err != nil {
			return nil, err
		}
	}
	return torchView(s, s.kind, a)
}

// torchRebuildTyped is torchRebuild with the type of the elements before the last argument, the storage being of bytes.
func torchRebuildTyped(a pickle.Tuple) (any, error) {
	if len(a) < 7 || len(a) > 8 {
		return nil, fmt.Errorf("%d arguments; there must be 7 or 8", len(a))
	}
	s, ok := a[0].(*torchStorage)
	of, ok2 := a[6].(torchType)
	if !ok || !ok2 || of.kind.name == "" {
		return nil, fmt.Errorf("storage and type are %s and %s", pickle.Kind(a[0]), pickle.Kind(a[6]))
	}
	if len(a) == 8 {
		if err := torchPlain(a[7]); err != nil {
			return nil, err
		}
	}
	return torchView(s, of.kind, a)
}

// torchPlain refuses what makes a tensor's elements others than those of its storage.
func torchPlain(metadata any) error {
	d, ok := metadata.(*pickle.Dict)
	if metadata == nil || ok && len(d.Keys) == 0 {
		return nil
	}
	return errors.New("the tensor is lazily negated or conjugated; save its resolve_neg() and resolve_conj()")
}

func torchView(s *torchStorage, of kind, a pickle.Tuple) (any, error) {
	offset, ok := a[1].(int)
	if !ok {
		return nil, fmt.Errorf("the offset is %s; it must be an int", pickle.Kind(a[1]))
	}
	shape, err := torchInts(a[2])
	if err != nil {
		return nil, fmt.Errorf("the shape: %w", err)
	}
	strides, err := torchInts(a[3])
	if err != nil {
		return nil, fmt.Errorf("the strides: %w", err)
	}
	t := &torchTensor{storage: s, kind: of, offset: offset, shape: shape, strides: strides}
	return t, t.check()
}

func torchInts(v any) ([]int, error) {
	t, ok := v.(pickle.Tuple)
	if !ok {
		return nil, fmt.Errorf("%s; it must be a tuple of ints", pickle.Kind(v))
	}
	x := make([]int, len(t))
	for i, v := range t {
		if x[i], ok = v.(int); !ok || x[i] < 0 {
			return nil, fmt.Errorf("place %d is %v; it must be an int of 0 or more", i, v)
		}
	}
	return x, nil
}

// torchRebuildType makes a tensor of a class: of a function, the class, the function's arguments and attributes.
func torchRebuildType(a pickle.Tuple) (any, error) {
	if len(a) != 4 {
		return nil, fmt.Errorf("%d arguments; there must be 4", len(a))
	}
	f, ok := a[0].(torchGlobal)
	of, ok2 := a[1].(torchGlobal)
	arguments, ok3 := a[2].(pickle.Tuple)
	switch {
	case !ok || !ok2 || !ok3 || f.call == nil || f.name == "torch._tensor._rebuild_from_type_v2":
		return nil, fmt.Errorf("function, class and arguments are %s, %s and %s", pickle.Kind(a[0]), pickle.Kind(a[1]), pickle.Kind(a[2]))
	case of.name != "torch.Tensor" && of.name != "torch.nn.parameter.Parameter":
		return nil, fmt.Errorf("the class is %s; it must be torch.Tensor or torch.nn.parameter.Parameter", of.name)
	}
	return f.call(arguments)
}
