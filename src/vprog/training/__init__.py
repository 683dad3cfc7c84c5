"""What every training shares: steps through Accelerate, states, LoRA, saving; no task is known."""
