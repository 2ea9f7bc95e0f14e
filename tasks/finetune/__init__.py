"""Supervised fine-tuning of the backbone on a dataset: see tasks/finetune/finetune.py for the stage."""
