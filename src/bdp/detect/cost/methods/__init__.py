"""Methods: each holds many days at once against their past; all in numpy, without SciPy and pandas."""
