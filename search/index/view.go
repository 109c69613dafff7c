package index

import "sync"

// A part is a slab with those of its rows that are no longer there.
type part struct {
	*slab
	dead *deadSet
}

func (p *part) live() int { return p.rows - p.dead.count }

// A view is what the index holds at one moment. It does not change, and slabs that a view
// has stay mapped.
type view struct {
	parts []part // in the order in which their items were added
	live  int
	refs  int // by the index's lock
}

// newView holds the parts' slabs.
func newView(parts []part) *view {
	v := &view{parts: parts, refs: 1}
	for i := range parts {
		parts[i].hold()
		v.live += parts[i].live()
	}
	return v
}

// find returns where an identifier's row is.
func (v *view) find(id string) (part, row int, ok bool) {
	for i := len(v.parts) - 1; i >= 0; i-- {
		p := &v.parts[i]
		if row, ok := p.find(id); ok && !p.dead.has(row) {
			return i, row, true
		}
	}
	return 0, 0, false
}

// views is the present view, and counts who uses which.
type views struct {
	mu       sync.Mutex
	now      *view // nil once closed
	postings postingsCache
}

// acquire returns the present view, which the caller must release; nil once closed.
func (x *views) acquire() *view {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.now != nil {
		x.now.refs++
	}
	return x.now
}

func (x *views) release(v *view) {
	x.mu.Lock()
	v.refs--
	last := v.refs == 0
	x.mu.Unlock()
	if last {
		for i := range v.parts {
			if v.parts[i].release() {
				x.postings.forget(v.parts[i].slab)
			}
		}
	}
}

// replace makes v the present view unless that is closed, and tells whether it did.
func (x *views) replace(v *view) bool {
	x.mu.Lock()
	old := x.now
	if old != nil {
		x.now = v
	}
	x.mu.Unlock()
	if old == nil {
		old = v
	}
	x.release(old)
	return old != v
}

// publish makes v the present view; nil closes.
func (x *views) publish(v *view) {
	x.mu.Lock()
	old := x.now
	x.now = v
	x.mu.Unlock()
	if old != nil {
		x.release(old)
	}
}
