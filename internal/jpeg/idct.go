package jpeg

// zigzag is the place, by rows, of each coefficient in a file's order.
var zigzag = [64]byte{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// block is the coefficients of eight by eight samples, by rows, multiplied by their quantisers.
type block [64]int32

// clamp makes a sample of a number about 0.
func clamp(v int32) byte {
	v += 128
	if uint32(v) > 255 {
		return byte(^(v >> 31))
	}
	return byte(v)
}

// The constants of the transform of Loeffler, Ligtenberg and Moschytz with 13 bits.
const (
	c0_298 = 2446
	c0_390 = 3196
	c0_541 = 4433
	c0_765 = 6270
	c0_899 = 7373
	c1_175 = 9633
	c1_501 = 12299
	c1_847 = 15137
	c1_961 = 16069
	c2_053 = 16819
	c2_562 = 20995
	c3_072 = 25172
)

// odd is the part of eight samples that the odd coefficients make.
func odd(a7, a5, a3, a1 int32) (t0, t1, t2, t3 int32) {
	z1, z2, z3, z4 := a7+a1, a5+a3, a7+a3, a5+a1
	z5 := (z3 + z4) * c1_175
	z1, z2, z3, z4 = -z1*c0_899, -z2*c2_562, z5-z3*c1_961, z5-z4*c0_390
	return a7*c0_298 + z1 + z3, a5*c2_053 + z2 + z4, a3*c3_072 + z2 + z3, a1*c1_501 + z1 + z4
}

// inverse8 writes a block's samples. It rounds as libjpeg's “islow” does.
func (b *block) inverse8(dst []byte, stride int) {
	for x := range 8 {
		c := b[x:][:57:57]
		if c[8]|c[16]|c[24]|c[32]|c[40]|c[48]|c[56] == 0 {
			v := c[0] << 2
			c[0], c[8], c[16], c[24], c[32], c[40], c[48], c[56] = v, v, v, v, v, v, v, v
			continue
		}
		z := (c[16] + c[48]) * c0_541
		e2, e3 := z-c[48]*c1_847, z+c[16]*c0_765
		e0, e1 := (c[0]+c[32])<<13, (c[0]-c[32])<<13
		const half = 1 << 10
		t10, t13, t11, t12 := e0+e3+half, e0-e3+half, e1+e2+half, e1-e2+half
		o0, o1, o2, o3 := odd(c[56], c[40], c[24], c[8])
		c[0], c[56] = (t10+o3)>>11, (t10-o3)>>11
		c[8], c[48] = (t11+o2)>>11, (t11-o2)>>11
		c[16], c[40] = (t12+o1)>>11, (t12-o1)>>11
		c[24], c[32] = (t13+o0)>>11, (t13-o0)>>11
	}
	for y := range 8 {
		r := b[8*y:][:8:8]
		out := dst[y*stride:][:8:8]
		if r[1]|r[2]|r[3]|r[4]|r[5]|r[6]|r[7] == 0 {
			v := clamp((r[0] + 1<<4) >> 5)
			out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7] = v, v, v, v, v, v, v, v
			continue
		}
		z := (r[2] + r[6]) * c0_541
		e2, e3 := z-r[6]*c1_847, z+r[2]*c0_765
		e0, e1 := (r[0]+r[4])<<13, (r[0]-r[4])<<13
		const half = 1 << 17
		t10, t13, t11, t12 := e0+e3+half, e0-e3+half, e1+e2+half, e1-e2+half
		o0, o1, o2, o3 := odd(r[7], r[5], r[3], r[1])
		out[0], out[7] = clamp((t10+o3)>>18), clamp((t10-o3)>>18)
		out[1], out[6] = clamp((t11+o2)>>18), clamp((t11-o2)>>18)
		out[2], out[5] = clamp((t12+o1)>>18), clamp((t12-o1)>>18)
		out[3], out[4] = clamp((t13+o0)>>18), clamp((t13-o0)>>18)
	}
}

// √2·cos(π/8) and √2·cos(3π/8) with 13 bits.
const (
	four1 = 10703
	four3 = 4433
)

// inverse4 writes a block's samples at half of its size: the transform of its four lowest coefficients each way.
func (b *block) inverse4(dst []byte, stride int) {
	var t [16]int32
	for x := range 4 {
		c0, c1, c2, c3 := b[x], b[8+x], b[16+x], b[24+x]
		e0, e1 := (c0+c2)<<13, (c0-c2)<<13
		o0, o1 := c1*four1+c3*four3, c1*four3-c3*four1
		const half = 1 << 10
		t[x], t[12+x] = (e0+o0+half)>>11, (e0-o0+half)>>11
		t[4+x], t[8+x] = (e1+o1+half)>>11, (e1-o1+half)>>11
	}
	for y := range 4 {
		r := t[4*y:][:4:4]
		e0, e1 := (r[0]+r[2])<<13, (r[0]-r[2])<<13
		o0, o1 := r[1]*four1+r[3]*four3, r[1]*four3-r[3]*four1
		const half = 1 << 17
		out := dst[y*stride:][:4:4]
		out[0], out[3] = clamp((e0+o0+half)>>18), clamp((e0-o0+half)>>18)
		out[1], out[2] = clamp((e1+o1+half)>>18), clamp((e1-o1+half)>>18)
	}
}

// inverse2 writes a block's samples at a quarter of its size.
func (b *block) inverse2(dst []byte, stride int) {
	l0, l1, r0, r1 := b[0]+b[8]+4, b[0]-b[8]+4, b[1]+b[9], b[1]-b[9]
	dst[0], dst[1] = clamp((l0+r0)>>3), clamp((l0-r0)>>3)
	dst[stride], dst[stride+1] = clamp((l1+r1)>>3), clamp((l1-r1)>>3)
}

// flat writes a block that has no coefficient but the first, of n by n samples.
func flat(dc int32, dst []byte, stride, n int) {
	v := clamp((dc + 4) >> 3)
	for y := range n {
		row := dst[y*stride:][:n]
		for x := range row {
			row[x] = v
		}
	}
}

// inverse writes a block's samples at n/8 of its size. The block is used up.
func (b *block) inverse(dst []byte, stride, n int) {
	switch n {
	case 8:
		b.inverse8(dst, stride)
	case 4:
		b.inverse4(dst, stride)
	case 2:
		b.inverse2(dst, stride)
	default:
		flat(b[0], dst, stride, 1)
	}
}
