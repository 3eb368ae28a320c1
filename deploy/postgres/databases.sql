-- One database for the log is made by the image; each service of the music shop has its own.
create database shop_orders;
create database shop_stock;
create database shop_payments;
