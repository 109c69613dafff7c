package ctc

import (
	"fmt"
	"math"
)

// frames returns how many frames there are.
func frames(logProbs []float32, classes int) (int, error) {
	if len(logProbs)%classes != 0 {
		return 0, fmt.Errorf("ctc: logProbs has %d elements; it must have a multiple of the %d classes", len(logProbs), classes)
	}
	return len(logProbs) / classes, nil
}

// checkClasses checks the number of classes and the blank's.
func checkClasses(classes, blank int) error {
	if classes < 1 || classes > math.MaxInt32 {
		return fmt.Errorf("ctc: classes is %d; it must be from 1 to %d", classes, math.MaxInt32)
	}
	if blank < 0 || blank >= classes {
		return fmt.Errorf("ctc: blank is %d; it must be from 0 to %d", blank, classes-1)
	}
	return nil
}

// checkLogProbs refuses NaN and +Inf. The first frame has the number given.
func checkLogProbs(logProbs []float32, classes, first int) error {
	for i, v := range logProbs {
		if !(v <= math.MaxFloat32) {
			return fmt.Errorf("ctc: logProbs of frame %d, class %d is %v; it must be a number, or −Inf for what is impossible", first+i/classes, i%classes, v)
		}
	}
	return nil
}
