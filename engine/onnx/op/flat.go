package op

import "slices"

// flat lists the operators whose results stand still while their inputs move a little, or are drawn: those have no derivative to speak of. The random operators but Dropout belong to them.
var flat = map[string]bool{
	"And": true, "ArgMax": true, "ArgMin": true, "BitCast": true, "BitShift": true, "BitwiseAnd": true, "BitwiseNot": true, "BitwiseOr": true, "BitwiseXor": true, "Ceil": true, "Constant": true,
	"ConstantOfShape": true, "ConvInteger": true, "DynamicQuantizeLinear": true, "Equal": true, "EyeLike": true, "Floor": true, "Greater": true, "GreaterOrEqual": true, "Hardmax": true,
	"IsInf": true, "IsNaN": true, "Less": true, "LessOrEqual": true, "MatMulInteger": true, "MelWeightMatrix": true, "NonMaxSuppression": true, "NonZero": true, "Not": true, "Or": true,
	"QLinearConv": true, "QLinearMatMul": true, "QuantizeLinear": true, "Range": true, "Round": true, "Shape": true, "Sign": true, "Size": true, "Xor": true,
}

// flatInputs lists inputs that steer an operator rather than flow through it, beyond those that decide on its shapes.
var flatInputs = map[string][]int{
	"BatchNormalization": {3, 4}, "Dropout": {1, 2}, "MaxRoiPool": {1}, "RoiAlign": {1, 2}, "DequantizeLinear": {2}, "OneHot": {0, 1},
}

// Flat tells whether no gradient reaches input i: the operator is flat, or the input steers it.
func (o *Operator) Flat(i int) bool {
	if o.Random && o.Name != "Dropout" || o.Domain == "" && flat[o.Name] {
		return true
	}
	by, _ := o.ShapedBy(i)
	return slices.Contains(by, i) || slices.Contains(flatInputs[o.Name], i)
}

// Still is a kernel that may stand still whatever its operator: a cast to integers does.
type Still interface {
	Still() bool
}
