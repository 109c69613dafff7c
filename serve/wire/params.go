package wire

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Known refuses parameters that are not among those named, and those that are given twice but are no lists.
func Known(params url.Values, single, lists []string) error {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		values := params[name]
		one := slices.Contains(single, name)
		if !one && !slices.Contains(lists, name) {
			return Malformed(name, "there is no parameter %q; there are %s", name, strings.Join(slices.Concat(single, lists), ", "))
		}
		if one && len(values) > 1 {
			return Malformed(name, "%s is given %d times; once is allowed", name, len(values))
		}
	}
	return nil
}

// FieldParams reads parameters of the form NAME=VALUE.
func FieldParams(values []string) (map[string]string, error) {
	fields := map[string]string{}
	for _, v := range values {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, Malformed("field", "field is %q; it must be NAME=VALUE", v)
		}
		if _, twice := fields[name]; twice {
			return nil, Malformed("field", "field %q is given twice", name)
		}
		fields[name] = value
	}
	return fields, nil
}
