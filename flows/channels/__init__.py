"""Channels that a network does not need, and the order of those that it does: graph to graph, same integers out.

`remove.remove_channels` takes dead channels out before the folding is chosen; `permute.permute_channels` sorts the
outputs of folded MVAUs once it is. Both say which channels of every tensor are left, and `rewrite.require_equal_values`
compares every integer with the graph that they began with.
"""
