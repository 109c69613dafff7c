package gemm

import (
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
)

// The points of the transforms for m = 4 beside 0 and ∞: ±p and ±q. The assembly has them, too.
const (
	pointP, pointQ = 0.75, 1.5
	p2, q2         = pointP * pointP, pointQ * pointQ
)

// winogradInGeneric is winogradIn, with distances in bytes.
func winogradInGeneric[T simd.Float](m, lanes int, dst, src unsafe.Pointer, tiles, srcRow, srcTile, dstTile, dstPart int) {
	z, n := size[T](), m+2
	for t := range tiles {
		for lane := range lanes {
			var d [6][6]T
			for col := range n {
				var line [6]T
				for row := range n {
					line[row] = *(*T)(unsafe.Add(src, t*srcTile+row*srcRow+(col*lanes+lane)*z))
				}
				line = transformIn(m, line)
				for row := range n {
					d[row][col] = line[row]
				}
			}
			for row := range n {
				for col, v := range transformIn(m, d[row]) {
					if col < n {
						*(*T)(unsafe.Add(dst, t*dstTile+(row*n+col)*dstPart+lane*z)) = v
					}
				}
			}
		}
	}
}

// transformIn is Bᵀ·d.
func transformIn[T simd.Float](m int, d [6]T) [6]T {
	if m == 2 {
		return [6]T{d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]}
	}
	evenP, oddP := d[4]-T(q2*d[2]), T(pointP*(d[3]-T(q2*d[1])))
	evenQ, oddQ := d[4]-T(p2*d[2]), T(pointQ*(d[3]-T(p2*d[1])))
	return [6]T{
		d[4] - T((p2+q2)*d[2]) + T(p2*q2*d[0]),
		evenP + oddP, evenP - oddP,
		evenQ + oddQ, evenQ - oddQ,
		d[5] - T((p2+q2)*d[3]) + T(p2*q2*d[1]),
	}
}

// winogradOutGeneric is winogradOut, with distances in bytes.
func winogradOutGeneric[T simd.Float](m, lanes int, dst, src, bias unsafe.Pointer, tiles, srcTile, srcPart, dstTile, dstRow int) {
	z, n := size[T](), m+2
	for t := range tiles {
		for lane := range lanes {
			var d [4][6]T
			for col := range n {
				var line [6]T
				for row := range n {
					line[row] = *(*T)(unsafe.Add(src, t*srcTile+(row*n+col)*srcPart+lane*z))
				}
				for row, v := range transformOut(m, line) {
					d[row][col] = v
				}
			}
			shift := *(*T)(unsafe.Add(bias, lane*z))
			for row := range m {
				for col, v := range transformOut(m, d[row]) {
					if col < m {
						*(*T)(unsafe.Add(dst, t*dstTile+row*dstRow+(col*lanes+lane)*z)) = v + shift
					}
				}
			}
		}
	}
}

// transformOut is Aᵀ·d.
func transformOut[T simd.Float](m int, d [6]T) [4]T {
	if m == 2 {
		return [4]T{d[0] + (d[1] + d[2]), d[1] - d[2] - d[3]}
	}
	sumP, differenceP, sumQ, differenceQ := d[1]+d[2], d[1]-d[2], d[3]+d[4], d[3]-d[4]
	return [4]T{
		d[0] + sumP + sumQ,
		T(pointP*differenceP) + T(pointQ*differenceQ),
		T(p2*sumP) + T(q2*sumQ),
		d[5] + T(p2*pointP*differenceP) + T(q2*pointQ*differenceQ),
	}
}

// transformKernel is G·g of three elements.
func transformKernel(m int, g [3]float64) [6]float64 {
	if m == 2 {
		even, odd := float64(0.5*(g[0]+g[2])), float64(0.5*g[1])
		return [6]float64{g[0], even + odd, even - odd, g[2]}
	}
	const overP, overQ = 1 / (2 * p2 * (p2 - q2)), 1 / (2 * q2 * (q2 - p2))
	evenP, oddP := float64(overP*(g[0]+float64(p2*g[2]))), float64(overP*pointP*g[1])
	evenQ, oddQ := float64(overQ*(g[0]+float64(q2*g[2]))), float64(overQ*pointQ*g[1])
	return [6]float64{g[0] / (p2 * q2), evenP + oddP, evenP - oddP, evenQ + oddQ, evenQ - oddQ, g[2]}
}

// winogradWeights brings the parts G·g·Gᵀ of weights [out, in, 3, 3] into panels [n², in, nr] of output channels: a task fills one.
type winogradWeights[T simd.Float] struct {
	engine[T]
	m, out, in int
	w, panels  []T
}

// winogradWeights gives the parts of weights.
func (e engine[T]) winogradWeights(m int, w []T, out, in int) []T {
	n, panels := m+2, ceil(out, e.nr)
	j := &winogradWeights[T]{engine: e, m: m, out: out, in: in, w: w, panels: grow([]T(nil), panels*n*n*in*e.nr)}
	simd.Run(panels, j)
	return j.panels
}

func (j *winogradWeights[T]) Do(panel, _ int) {
	n, first := j.m+2, panel*j.nr
	all := j.panels[panel*n*n*j.in*j.nr:]
	parts := make([]T, n*n*j.nr) // of one channel
	for c := range j.in {
		for o := range min(j.nr, j.out-first) {
			g := j.w[((first+o)*j.in+c)*9:][:9]
			var d [3][6]float64
			for col := range d {
				d[col] = transformKernel(j.m, [3]float64{float64(g[col]), float64(g[3+col]), float64(g[6+col])})
			}
			for row := range n {
				line := transformKernel(j.m, [3]float64{d[0][row], d[1][row], d[2][row]})
				for col := range n {
					parts[(row*n+col)*j.nr+o] = T(line[col])
				}
			}
		}
		for part := range n * n {
			copy(all[(part*j.in+c)*j.nr:][:j.nr], parts[part*j.nr:])
		}
	}
}
