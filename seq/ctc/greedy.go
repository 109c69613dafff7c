package ctc

// Path is an alignment's labels.
type Path struct {
	Tokens  []int   // the labels
	Frames  []int   // of each label, the first frame that has it
	LogProb float64 // of the alignment alone
}

// Greedy returns the labels of the likeliest alignment: the likeliest class of each
// frame, the first of equals, repeats merged, blanks removed. Its labels are not always the likeliest
// labels, which may have many alignments.
//
// Shapes: logProbs is T frames of classes; T = 0 has no labels and LogProb 0.
// Errors: NaN and +Inf; a length that is no multiple of classes; a blank that is no class.
// Source: [graves2006], best path decoding.
func Greedy(logProbs []float32, classes, blank int) (Path, error) {
	if err := checkClasses(classes, blank); err != nil {
		return Path{}, err
	}
	n, err := frames(logProbs, classes)
	if err != nil {
		return Path{}, err
	}
	if err := checkLogProbs(logProbs, classes, 0); err != nil {
		return Path{}, err
	}
	var p Path
	last := blank
	for t := range n {
		row := logProbs[t*classes : (t+1)*classes]
		best := 0
		for c, v := range row {
			if v > row[best] {
				best = c
			}
		}
		if best != last && best != blank {
			p.Tokens = append(p.Tokens, best)
			p.Frames = append(p.Frames, t)
		}
		p.LogProb += float64(row[best])
		last = best
	}
	return p, nil
}
