package sweep

import "fmt"

// A Round is a part of successive halving: the trials that are left are trained up to a number of epochs each.
type Round struct {
	Trials int `json:"trials"`
	Epochs int `json:"epochs"` // of each trial since its start
}

// Rounds plans successive halving as [jamieson2016] has it, by η instead of 2: of n trials there are ⌈log_η n⌉ rounds, and at least one;
// each round has the same share of the budget, in epochs, which its trials share, rounded down; and ⌊n/η⌋ of a round's trials, at least
// one, are in the next.
//
// Errors: n below 1; eta below 2; a budget that leaves a round without an epoch for each trial.
func Rounds(n, budget, eta int) ([]Round, error) {
	switch {
	case n < 1:
		return nil, fmt.Errorf("trials is %d; it must be at least 1", n)
	case eta < 2:
		return nil, fmt.Errorf("eta is %d; it must be at least 2", eta)
	}
	count := 0
	for reached := 1; reached < n; count++ {
		reached *= min(eta, n) // at most n², which is far from overflowing
	}
	count = max(count, 1)
	if budget < n*count {
		return nil, fmt.Errorf("budget is %d; %d trials in %d rounds need at least %d epochs", budget, n, count, n*count)
	}
	rounds, epochs := []Round{}, 0
	for range count {
		epochs += budget / (n * count)
		rounds = append(rounds, Round{n, epochs})
		n = max(n/eta, 1)
	}
	return rounds, nil
}
