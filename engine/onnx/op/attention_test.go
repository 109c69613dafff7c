package op

import (
	"fmt"
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// attentionNaive is softmax(cap(scale·q·kᵀ) + mask)·v of [batch, heads, rows, size], whose add gives what is added to a score.
func attentionNaive(q, k, v *value.Value, scale, softcap float64, add func(b, h, i, j int) float64) []float64 {
	B, H, L, E := q.Shape[0], q.Shape[1], q.Shape[2], q.Shape[3]
	kv, S, width := k.Shape[1], k.Shape[2], v.Shape[3]
	qd, kd, vd := value.Data[float32](q), value.Data[float32](k), value.Data[float32](v)
	var y []float64
	for b := range B {
		for h := range H {
			g := h * kv / H
			for i := range L {
				p := make([]float64, S)
				top := math.Inf(-1)
				for j := range S {
					for e := range E {
						p[j] += scale * float64(qd[((b*H+h)*L+i)*E+e]) * float64(kd[((b*kv+g)*S+j)*E+e])
					}
					if softcap > 0 {
						p[j] = softcap * math.Tanh(p[j]/softcap)
					}
					p[j] += add(b, h, i, j)
					top = max(top, p[j])
				}
				sum := 0.0
				for j := range p {
					p[j] = math.Exp(p[j] - top)
					sum += p[j]
				}
				row := make([]float64, width)
				for j := range p {
					for e := range row {
						if !math.IsInf(top, -1) {
							row[e] += p[j] / sum * float64(vd[((b*kv+g)*S+j)*width+e])
						}
					}
				}
				y = append(y, row...)
			}
		}
	}
	return y
}

func nothing(_, _, _, _ int) float64 { return 0 }

func hiddenUnless(see bool) float64 {
	if see {
		return 0
	}
	return math.Inf(-1)
}

func TestAttention(t *testing.T) {
	for _, s := range [][7]int{{1, 1, 1, 1, 1, 1, 1}, {2, 4, 2, 5, 7, 3, 6}, {1, 6, 3, 33, 17, 16, 9}, {1, 1, 1, 400, 700, 8, 8}} {
		B, H, kv, L, S, E, width := s[0], s[1], s[2], s[3], s[4], s[5], s[6]
		q, k, v := normals(1, B, H, L, E), normals(2, B, kv, S, E), normals(3, B, kv, S, width)
		y := attentionNaive(q, k, v, 1/math.Sqrt(float64(E)), 0, nothing)
		for version := 23; version <= 25; version++ {
			within(t, fmt.Sprint(s), testNode{op: "Attention", version: version}.one(t, q, k, v), []int{B, H, L, width}, y, 1e-5)
		}
	}
}

// Query head h takes key head ⌊h·kv/q⌋, softcap comes before the mask, and the causal mask begins at the upper left.
func TestAttentionHeadMapSoftcapAndCausal(t *testing.T) {
	q, k, v := normals(1, 2, 6, 5, 4), normals(2, 2, 3, 8, 4), normals(3, 2, 3, 8, 2)
	mask := normals(4, 2, 1, 5, 8)
	n := testNode{op: "Attention", version: 23, attributes: map[string]any{"is_causal": 1, "softcap": float32(0.5), "scale": float32(0.75)}}
	y := attentionNaive(q, k, v, 0.75, 0.5, func(b, _, i, j int) float64 {
		return hiddenUnless(j <= i) + float64(value.Data[float32](mask)[(b*5+i)*8+j])
	})
	within(t, "four dimensions", n.one(t, q, k, v, mask), []int{2, 6, 5, 2}, y, 1e-5)

	packed := func(v *value.Value) *value.Value { // [batch, rows, heads·size]
		b, h, r, s := v.Shape[0], v.Shape[1], v.Shape[2], v.Shape[3]
		w := ramp(b, r, h*s)
		for i := range b {
			swapOuter(value.Data[float32](w)[i*r*h*s:(i+1)*r*h*s], value.Data[float32](v)[i*r*h*s:(i+1)*r*h*s], h, r, s)
		}
		return w
	}
	n.attributes["q_num_heads"], n.attributes["kv_num_heads"] = 6, 3
	got := n.one(t, packed(q), packed(k), packed(v), mask)
	split := ramp(2, 6, 5, 2)
	for b := range 2 {
		swapOuter(value.Data[float32](split)[b*60:(b+1)*60], value.Data[float32](got)[b*60:(b+1)*60], 5, 6, 2)
	}
	within(t, "three dimensions", split, []int{2, 6, 5, 2}, y, 1e-5)
}

func TestAttentionMasks(t *testing.T) {
	q, k, v := normals(1, 2, 3, 4, 5), normals(2, 2, 3, 6, 5), normals(3, 2, 3, 6, 5)
	n := testNode{op: "Attention", version: 23}
	for _, shape := range [][]int{{6}, {4, 6}, {3, 1, 6}, {3, 4, 6}, {2, 1, 1, 6}, {2, 3, 4, 6}, {2, 3, 4, 4}, {1, 4, 3}} {
		mask := normals(5, shape...)
		keep := make([]bool, mask.Len())
		for i, e := range value.Data[float32](mask) {
			keep[i] = e > -0.5
		}
		at := func(b, h, i, j int) int { // −1 behind the mask's end
			index, stride := 0, 1
			for d, e := len(shape)-1, 3; d >= 0; d, e = d-1, e-1 {
				p := [4]int{b, h, i, j}[e]
				if e == 3 && p >= shape[d] {
					return -1
				}
				if shape[d] > 1 {
					index += p * stride
				}
				stride *= shape[d]
			}
			return index
		}
		y := attentionNaive(q, k, v, 1/math.Sqrt(5), 0, func(b, h, i, j int) float64 {
			if p := at(b, h, i, j); p >= 0 {
				return float64(value.Data[float32](mask)[p])
			}
			return math.Inf(-1)
		})
		within(t, fmt.Sprint("float ", shape), n.one(t, q, k, v, mask), q.Shape, y, 1e-5)
		y = attentionNaive(q, k, v, 1/math.Sqrt(5), 0, func(b, h, i, j int) float64 {
			p := at(b, h, i, j)
			return hiddenUnless(p >= 0 && keep[p])
		})
		within(t, fmt.Sprint("bool ", shape), n.one(t, q, k, v, tensor(keep, shape...)), q.Shape, y, 1e-5)
	}
	for _, shape := range [][]int{{7}, {3, 6}, {2, 4, 6}, {1, 1, 2, 3, 6}} {
		n.refuses(t, []*value.Value{q, k, v, ramp(shape...)}, "mask", "[2,3,4,6]")
	}
}

func TestAttentionRowThatSeesNothingIsZero(t *testing.T) {
	q, k, v := normals(1, 1, 1, 2, 3), normals(2, 1, 1, 2, 3), normals(3, 1, 1, 2, 3)
	out, err := testNode{op: "Attention", version: 23, outputs: 4, attributes: map[string]any{"qk_matmul_output_mode": 3}}.run(q, k, v, tensor([]bool{true, true, false, false}, 2, 2))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range []*value.Value{out[0], out[3]} {
		if x := value.Data[float32](v); x[0] == 0 || x[len(x)-1] != 0 || x[len(x)-2] != 0 {
			t.Errorf("output %d is %v, must be 0 in its second row alone", 3*i, x)
		}
	}
}

func TestAttentionPastAndPresent(t *testing.T) {
	q := normals(1, 2, 2, 3, 4)
	k, v, oldK, oldV := normals(2, 2, 2, 3, 4), normals(3, 2, 2, 3, 5), normals(4, 2, 2, 6, 4), normals(5, 2, 2, 6, 5)
	join := func(a, b *value.Value) *value.Value {
		w := ramp(2, 2, 9, a.Shape[3])
		for i := range 4 {
			n := a.Shape[3]
			copy(value.Data[float32](w)[i*9*n:], value.Data[float32](a)[i*6*n:(i+1)*6*n])
			copy(value.Data[float32](w)[(i*9+6)*n:], value.Data[float32](b)[i*3*n:(i+1)*3*n])
		}
		return w
	}
	allK, allV := join(oldK, k), join(oldV, v)
	out, err := testNode{op: "Attention", version: 24, outputs: 3, attributes: map[string]any{"is_causal": 1}}.run(q, k, v, nil, oldK, oldV)
	if err != nil {
		t.Fatal(err)
	}
	y := attentionNaive(q, allK, allV, 0.5, 0, func(_, _, i, j int) float64 { return hiddenUnless(j <= i+6) })
	within(t, "Y", out[0], []int{2, 2, 3, 5}, y, 1e-5)
	holds(t, "present key", out[1], []int{2, 2, 9, 4}, value.Data[float32](allK)...)
	holds(t, "present value", out[2], []int{2, 2, 9, 5}, value.Data[float32](allV)...)
}

func TestAttentionPaddedKeysAndWindows(t *testing.T) {
	q, k, v := normals(1, 2, 1, 3, 4), normals(2, 2, 1, 9, 4), normals(3, 2, 1, 9, 4)
	valid := []int64{9, 2}
	y := attentionNaive(q, k, v, 0.5, 0, func(b, _, i, j int) float64 {
		return hiddenUnless(j < int(valid[b]) && j <= i+int(valid[b])-3)
	})
	in := []*value.Value{q, k, v, nil, nil, nil, value.Ints(valid...)}
	n := testNode{op: "Attention", version: 24, attributes: map[string]any{"is_causal": 1}}
	within(t, "padded", n.one(t, in...), q.Shape, y, 1e-5)
	n.refuses(t, append(append([]*value.Value(nil), in[:6]...), value.Ints(10, 1)), "nonpad_kv_seqlen[0] is 10", "[0, 9]")

	for _, w := range [][2]int{{0, 0}, {2, 1}, {-1, 2}, {3, -1}} {
		y := attentionNaive(q, k, v, 0.5, 0, func(_, _, i, j int) float64 {
			return hiddenUnless((w[0] < 0 || j >= i-w[0]) && (w[1] < 0 || j <= i+w[1]))
		})
		n := testNode{op: "Attention", version: 25, attributes: map[string]any{"left_window_size": w[0], "right_window_size": w[1]}}
		within(t, fmt.Sprint("window ", w), n.one(t, q, k, v), q.Shape, y, 1e-5)
	}
}

func TestAttentionScores(t *testing.T) {
	q, k, v := tensor([]float32{2}, 1, 1, 1, 1), tensor([]float32{1, 3}, 1, 1, 2, 1), tensor([]float32{1, 5}, 1, 1, 2, 1)
	mask := floats(0.5, -1)
	capped := func(x float64) float64 { return 4 * math.Tanh(x/4) }
	e := math.Exp(capped(6) - 1 - (capped(2) + 0.5))
	for mode, want := range [][]float64{{2, 6}, {capped(2), capped(6)}, {capped(2) + 0.5, capped(6) - 1}, {1 / (1 + e), e / (1 + e)}} {
		n := testNode{op: "Attention", version: 23, outputs: 4, attributes: map[string]any{"qk_matmul_output_mode": mode, "softcap": float32(4)}}
		out, err := n.run(q, k, v, mask)
		if err != nil {
			t.Fatal(err)
		}
		within(t, fmt.Sprint("mode ", mode), out[3], []int{1, 1, 1, 2}, want, 1e-6)
		within(t, fmt.Sprint("Y in mode ", mode), out[0], []int{1, 1, 1, 1}, []float64{(1 + 5*e) / (1 + e)}, 1e-6)
	}
}

func TestAttentionRefuses(t *testing.T) {
	q, k, v := ramp(1, 2, 3, 4), ramp(1, 2, 3, 4), ramp(1, 2, 3, 4)
	n := testNode{op: "Attention", version: 23}
	n.refuses(t, []*value.Value{q, ramp(1, 2, 3, 5), v}, "4 and 5 elements")
	n.refuses(t, []*value.Value{q, k, ramp(1, 2, 5, 4)}, "3 and 5 rows")
	n.refuses(t, []*value.Value{ramp(1, 3, 3, 4), k, v}, "3 heads of queries and 2 of keys")
	n.refuses(t, []*value.Value{ramp(1, 3, 8), ramp(1, 3, 8), ramp(1, 3, 8)}, "does not make 0 heads")
	n.refuses(t, []*value.Value{q, k, v, nil, k}, "past_key and past_value")
	testNode{op: "Attention", version: 23, attributes: map[string]any{"qk_matmul_output_mode": 4}}.refuses(t, []*value.Value{q, k, v}, "is 4", "[0, 3]")
	testNode{op: "Attention", version: 23, attributes: map[string]any{"left_window_size": 1}}.refuses(t, []*value.Value{q, k, v}, `"left_window_size" is not known`)
}

func TestRotaryEmbedding(t *testing.T) {
	x := tensor([]float32{1, 2, 3, 4, 5}, 1, 1, 1, 5)
	cos, sin := tensor([]float32{1, 1, 0, 0.5}, 2, 2), tensor([]float32{0, 0, 1, 2}, 2, 2)
	at := tensor([]int64{1}, 1, 1)
	n := testNode{op: "RotaryEmbedding", version: 23, attributes: map[string]any{"rotary_embedding_dim": 4}}
	holds(t, "halves", n.one(t, x, cos, sin, at), x.Shape, float32(-3), 2*0.5-4*2, 1, 2*2+4*0.5, 5)
	n.attributes["interleaved"] = 1
	holds(t, "neighbours", n.one(t, x, cos, sin, at), x.Shape, float32(-2), 1, 3*0.5-4*2, 3*2+4*0.5, 5)
	n.refuses(t, []*value.Value{x, cos, sin, tensor([]int64{2}, 1, 1)}, "position_ids has 2", "[0, 1]")
	n.refuses(t, []*value.Value{x, cos, sin}, "[1 1 2]")

	three := tensor([]float32{1, 2, 3, 4}, 1, 1, 4)
	n = testNode{op: "RotaryEmbedding", version: 23, attributes: map[string]any{"num_heads": 2}}
	holds(t, "two heads", n.one(t, three, tensor([]float32{0}, 1, 1, 1), tensor([]float32{1}, 1, 1, 1)), three.Shape, float32(-2), 1, -4, 3)
}

func TestLinearAttention(t *testing.T) {
	const B, T, H, kv, D, V = 2, 5, 4, 2, 3, 6
	q, k, v := normals(1, B, T, H*D), normals(2, B, T, kv*D), normals(3, B, T, kv*V)
	past := normals(4, B, kv, D, V)
	for _, rule := range []string{"linear", "gated", "delta", "gated_delta"} {
		for _, decays := range []int{kv, kv * D} {
			for _, betas := range []int{kv, 1} {
				var decay, beta *value.Value
				if rule == "gated" || rule == "gated_delta" {
					decay = scaled(positive(normals(5, B, T, decays)), -1)
				}
				if rule == "delta" || rule == "gated_delta" {
					beta = scaled(positive(normals(6, B, T, betas)), 0.2)
				}
				n := testNode{op: "LinearAttention", version: 27, outputs: 2, attributes: map[string]any{"q_num_heads": H, "kv_num_heads": kv, "update_rule": rule}}
				out, err := n.run(q, k, v, past, decay, beta)
				if err != nil {
					t.Fatal(err)
				}
				y, state := make([]float64, B*T*H*V), widened(past, 0, 1)
				for b := range B {
					for h := range kv {
						s := state[(b*kv+h)*D*V : (b*kv+h+1)*D*V]
						for i := range T {
							at := func(v *value.Value, i int) float64 { return float64(value.Data[float32](v)[i]) }
							for d := range D {
								for e := range V {
									if decay != nil && decays == kv {
										s[d*V+e] *= math.Exp(at(decay, (b*T+i)*kv+h))
									} else if decay != nil {
										s[d*V+e] *= math.Exp(at(decay, ((b*T+i)*kv+h)*D+d))
									}
								}
							}
							for e := range V {
								x := at(v, ((b*T+i)*kv+h)*V+e)
								if beta != nil {
									for d := range D {
										x -= s[d*V+e] * at(k, ((b*T+i)*kv+h)*D+d)
									}
									x *= at(beta, (b*T+i)*betas+min(h, betas-1))
								}
								for d := range D {
									s[d*V+e] += x * at(k, ((b*T+i)*kv+h)*D+d)
								}
							}
							for g := range H / kv {
								for e := range V {
									for d := range D {
										y[((b*T+i)*H+h*H/kv+g)*V+e] += s[d*V+e] * at(q, ((b*T+i)*H+h*H/kv+g)*D+d) / math.Sqrt(D)
									}
								}
							}
						}
					}
				}
				within(t, rule, out[0], []int{B, T, H * V}, y, 1e-5)
				within(t, rule+" state", out[1], past.Shape, state, 1e-5)
			}
		}
	}
	n := testNode{op: "LinearAttention", version: 27, attributes: map[string]any{"q_num_heads": 4, "kv_num_heads": 2}}
	n.refuses(t, []*value.Value{q, k, v}, "gated_delta", "decay")
}
