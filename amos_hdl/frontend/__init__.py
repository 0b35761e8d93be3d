"""Trained models in: recipes, data sets, training with AMOS units in the loop, export as integers.

Importing this package, or reading a recipe, needs neither PyTorch nor scikit-learn; ``train.train`` does.
"""
