"""What a thing is: digests of values and files, equal for equal content in any process."""
