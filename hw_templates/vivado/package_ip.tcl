# Packages src/ as an IP in ip/: vivado -mode batch -source package_ip.tcl
# Commands: AMD UG835 (Tcl commands), UG1118 (packaging IP).
set here [file dirname [file normalize [info script]]]
source [file join $here settings.tcl]

create_project -force -part $part package [file join $here work package]
add_files -norecurse [lsort [glob -directory [file join $here src] *.sv *.v]]
set memories [lsort [glob -nocomplain -directory [file join $here src] *.hex]]
if {[llength $memories]} {
    add_files -norecurse $memories
    set_property file_type {Memory File} [get_files $memories]
}
add_files -fileset constrs_1 -norecurse [file join $here ooc.xdc]
set_property USED_IN {synthesis out_of_context} [get_files [file join $here ooc.xdc]]
set_property top $top [current_fileset]
update_compile_order -fileset sources_1

ipx::package_project -force -root_dir [file join $here ip] -vendor a2qflow -library hls -name $top -version 1.0 \
    -taxonomy /UserIP -import_files -set_current true
set core [ipx::current_core]
set_property display_name "a2qflow $design" $core
set_property description "Dataflow accelerator $design: AXI-Stream in and out, AXI-Lite registers" $core
set_property supported_families {zynq Production zynquplus Production} $core
foreach bus {s_axis m_axis s_axi_control} {
    ipx::associate_bus_interfaces -busif $bus -clock ap_clk $core
}
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
close_project
