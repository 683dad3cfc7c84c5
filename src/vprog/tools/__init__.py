"""Tools: what programs can call, and the modules of the steps language over them."""
