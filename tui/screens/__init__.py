"""The screens: they compose widgets and route commands, and decide nothing."""
