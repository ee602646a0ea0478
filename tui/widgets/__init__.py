"""What screens are made of: widgets that draw what they are handed and post what people do. They ask no store."""
