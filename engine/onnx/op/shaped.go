package op

// OfShape tells whether the results follow from the shapes of the inputs, whatever these hold.
func (o *Operator) OfShape() bool { return o.Domain == "" && (o.Name == "Shape" || o.Name == "Size") }

// shapedBy lists, for operators whose results have shapes that depend on what inputs hold, those inputs. Operators that are not here give shapes that follow from those of their
// inputs and from attributes.
var shapedBy = map[string][]int{
	"AffineGrid": {1}, "BlackmanWindow": {0}, "CenterCropPad": {1}, "Col2Im": {1, 2}, "ConstantOfShape": {0}, "DFT": {1, 2}, "Expand": {1}, "HammingWindow": {0}, "HannWindow": {0},
	"MaxUnpool": {2}, "MelWeightMatrix": {0, 1}, "OneHot": {1}, "Pad": {1, 3}, "Range": {0, 1, 2}, "Reshape": {1}, "Resize": {1, 2, 3}, "STFT": {1, 3},
	"Slice": {1, 2, 3, 4}, "Split": {1}, "Squeeze": {1}, "Tile": {1, 2}, "TopK": {1}, "Unsqueeze": {1}, "Upsample": {1},
	"ReduceL1": {1}, "ReduceL2": {1}, "ReduceLogSum": {1}, "ReduceLogSumExp": {1}, "ReduceMax": {1}, "ReduceMean": {1}, "ReduceMin": {1}, "ReduceProd": {1}, "ReduceSum": {1}, "ReduceSumSquare": {1},
}

// freelyShaped are the operators whose results may have any shape, whatever their inputs' are.
var freelyShaped = map[string]bool{"Compress": true, "If": true, "Loop": true, "NonMaxSuppression": true, "NonZero": true, "Scan": true, "Unique": true}

// ShapedBy lists the inputs whose elements, not only whose shapes, decide on the shapes of the results; always says that no inputs do so alone.
// Operators of other domains count as such.
func (o *Operator) ShapedBy(inputs int) (by []int, always bool) {
	if o.Domain != "" {
		return nil, true
	}
	return shapedBy[o.Name], freelyShaped[o.Name]
}
