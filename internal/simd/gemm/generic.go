package gemm

import (
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
)

// tileGeneric computes a tile in blocks of 2×4, whose sums fit the registers.
func tileGeneric[T simd.Float](t *tile) {
	var acc [4][8]T
	for j := 0; j < t.cols; j += 4 {
		i := 0
		for ; i+1 < t.rows; i += 2 {
			block2[T](t, i, j, (*[4]T)(acc[i][j:]), (*[4]T)(acc[i+1][j:]))
		}
		if i < t.rows {
			block1[T](t, i, j, (*[4]T)(acc[i][j:]))
		}
	}
	for i := range t.rows {
		for j := range t.cols {
			finish(t, i, j, acc[i][j])
		}
	}
}

// row is the distance of the rows of A, in bytes.
func (t *tile) row(z int) int {
	if t.aRow != 0 {
		return t.aRow
	}
	return z
}

// finish applies the epilogue to one element and stores it.
func finish[T simd.Float](t *tile, i, j int, v T) {
	z := size[T]()
	offset := i*t.cStep + j*z
	if t.flags&flagTranspose != 0 {
		offset = j*t.cStep + i*z
	}
	c := (*T)(unsafe.Add(t.c, offset))
	if t.flags&(flagAdd|flagTranspose) == flagAdd {
		v += *c
	}
	if t.bias != nil {
		k := j
		if t.flags&flagRowBias != 0 {
			k = i
		}
		v += *(*T)(unsafe.Add(t.bias, k*z))
	}
	if t.flags&flagReLU != 0 && v < 0 {
		v = 0
	}
	if t.bounds != nil {
		b := (*[2]T)(t.bounds)
		v = bounded(v, b[0], b[1])
	}
	if t.flags&(flagAdd|flagTranspose) == flagAdd|flagTranspose {
		v += *c
	}
	*c = v
}

func block2[T simd.Float](t *tile, i, j int, top, bottom *[4]T) {
	z := size[T]()
	var p0, p1, p2, p3, q0, q1, q2, q3 T
	row := t.row(z)
	for _, r := range unsafe.Slice(t.runs, t.runCount) {
		a, b := unsafe.Add(t.a, r.a+i*row), unsafe.Add(t.b, r.b+j*z)
		for s := range t.steps {
			x0, x1 := *(*T)(unsafe.Add(a, s*t.aStep)), *(*T)(unsafe.Add(a, s*t.aStep+row))
			y := (*[4]T)(unsafe.Add(b, s*t.bStep))
			p0 += x0 * y[0]
			p1 += x0 * y[1]
			p2 += x0 * y[2]
			p3 += x0 * y[3]
			q0 += x1 * y[0]
			q1 += x1 * y[1]
			q2 += x1 * y[2]
			q3 += x1 * y[3]
		}
	}
	*top = [4]T{p0, p1, p2, p3}
	*bottom = [4]T{q0, q1, q2, q3}
}

func block1[T simd.Float](t *tile, i, j int, row *[4]T) {
	z := size[T]()
	var p0, p1, p2, p3 T
	for _, r := range unsafe.Slice(t.runs, t.runCount) {
		a, b := unsafe.Add(t.a, r.a+i*t.row(z)), unsafe.Add(t.b, r.b+j*z)
		for s := range t.steps {
			x := *(*T)(unsafe.Add(a, s*t.aStep))
			y := (*[4]T)(unsafe.Add(b, s*t.bStep))
			p0 += x * y[0]
			p1 += x * y[1]
			p2 += x * y[2]
			p3 += x * y[3]
		}
	}
	*row = [4]T{p0, p1, p2, p3}
}

func transposeGeneric[T simd.Float](dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int) {
	z := size[T]()
	for j := range cols {
		for i := range width {
			var v T
			if i < rows {
				v = *(*T)(unsafe.Add(src, i*srcStep+j*z))
			}
			*(*T)(unsafe.Add(dst, j*dstStep+i*z)) = v
		}
	}
}

func copyRowsGeneric[T simd.Float](dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int) {
	for i := range rows {
		to := unsafe.Slice((*T)(unsafe.Add(dst, i*dstStep)), width)
		clear(to[min(cols, width):])
		if cols > 0 {
			copy(to, unsafe.Slice((*T)(unsafe.Add(src, i*srcStep)), cols))
		}
	}
}

func sumRowsGeneric[T simd.Float](dst, src unsafe.Pointer, dstStep, srcStep, rows, cols int) {
	for i := range rows {
		to := unsafe.Slice((*T)(unsafe.Add(dst, i*dstStep)), cols)
		for j, v := range unsafe.Slice((*T)(unsafe.Add(src, i*srcStep)), cols) {
			to[j] += v
		}
	}
}

func splitRowsGeneric[T simd.Float](even, odd, src unsafe.Pointer, dstStep, srcStep, rows, cols int) {
	to := [2]unsafe.Pointer{even, odd}
	for i := range rows {
		for j, v := range unsafe.Slice((*T)(unsafe.Add(src, i*srcStep)), cols) {
			*(*T)(unsafe.Add(to[j%2], i*dstStep+j/2*size[T]())) = v
		}
	}
}

// tapsGeneric takes four results at a time.
func tapsGeneric[T simd.Float](y []T, x unsafe.Pointer, at []int, w []T, bias T) {
	i := 0
	for ; i+4 <= len(y); i += 4 {
		a, b, c, d := bias, bias, bias, bias
		for t, v := range w[:len(at)] {
			from := (*[4]T)(unsafe.Add(x, at[t]+i*size[T]()))
			a += v * from[0]
			b += v * from[1]
			c += v * from[2]
			d += v * from[3]
		}
		*(*[4]T)(y[i:]) = [4]T{a, b, c, d}
	}
	for ; i < len(y); i++ {
		sum := bias
		for t, v := range w[:len(at)] {
			sum += v * *(*T)(unsafe.Add(x, at[t]+i*size[T]()))
		}
		y[i] = sum
	}
}
