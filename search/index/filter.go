package index

import "slices"

// A sieve is a filter made ready for one part. The zero value lets all pass.
type sieve struct {
	none    bool     // nothing can pass
	labels  []uint32 // numbers of those that pass, sorted; nil: all
	fields  []field
	exclude []int // rows, sorted
}

type field struct{ key, value string }

// sieves makes a query's filter ready for each part of v; nil if it lets all pass.
func (f *Filter) sieves(v *view) []sieve {
	if len(f.Labels) == 0 && len(f.Fields) == 0 && len(f.Exclude) == 0 {
		return nil
	}
	out := make([]sieve, len(v.parts))
	for _, id := range f.Exclude {
		if i, row, ok := v.find(id); ok {
			out[i].exclude = append(out[i].exclude, row)
		}
	}
	var fields []field
	for key, value := range f.Fields {
		fields = append(fields, field{key, value})
	}
	for i := range out {
		slices.Sort(out[i].exclude)
		out[i].fields = fields
		if len(f.Labels) > 0 {
			out[i].setLabels(v.parts[i].slab, f.Labels)
		}
	}
	return out
}

func (s *sieve) setLabels(slab *slab, labels []string) {
	for _, name := range labels {
		if number, ok := slab.labels.find(name); ok {
			s.labels = append(s.labels, uint32(number))
		}
	}
	slices.Sort(s.labels)
	s.none = len(s.labels) == 0
}

// passes tells whether a row of the part is of interest.
func (s *sieve) passes(p *part, row int) bool {
	if s.none {
		return false
	}
	if s.labels != nil {
		if _, ok := slices.BinarySearch(s.labels, p.labelOf[row]); !ok {
			return false
		}
	}
	if _, ok := slices.BinarySearch(s.exclude, row); ok {
		return false
	}
	for _, f := range s.fields {
		if !hasField(p.fields.at(row), f.key, f.value) {
			return false
		}
	}
	return true
}
