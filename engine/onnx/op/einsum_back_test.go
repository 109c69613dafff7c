package op

import "github.com/energo-ml/energo/engine/onnx/value"

func einsumSlope(equation string, in ...*value.Value) slope {
	return slope{testNode{op: "Einsum", version: 12, attributes: map[string]any{"equation": equation}}, in}
}

var einsumSlopes = []slope{
	einsumSlope("ij,jk->ik", gaussian(2, 3), gaussian(3, 4)),
	einsumSlope("bij,bjk->bki", gaussian(2, 2, 3), gaussian(2, 3, 4)),
	einsumSlope("bhqd,bhkd->bhqk", gaussian(2, 2, 3, 2), gaussian(2, 2, 4, 2)),
	einsumSlope("ij->", gaussian(2, 3)),
	einsumSlope("ii->i", gaussian(3, 3)),
	einsumSlope("iij,k->j", gaussian(3, 3, 2), gaussian(4)),
	einsumSlope("ij->ji", gaussian(2, 3)),
	einsumSlope("...ij,...jk->...ik", gaussian(2, 1, 2, 3), gaussian(4, 3, 2)),
	einsumSlope("a,ab,b->", gaussian(3), gaussian(3, 4), gaussian(4)),
	einsumSlope("ij,ij,ij->i", gaussian(2, 3), gaussian(2, 1), gaussian(1, 3)),
	einsumSlope("i,j", gaussian(2), gaussian(3)),
}
