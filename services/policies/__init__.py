"""Policy documents: read with the line of every fault, stored by digest, published. It decides nothing."""
