# Block design around the packaged accelerator, synthesis, implementation, reports, bitstream:
#     vivado -mode batch -source bitstream.tcl          (package_ip.tcl first)
# Everything runs in this process, so that its log says what is going on and where it failed.
# Commands: AMD UG835. Blocks: PG021 (AXI DMA), PG164 (resets), PG247 (SmartConnect), PG082/PG201 (processing systems).
set here [file dirname [file normalize [info script]]]
source [file join $here settings.tcl]
set work [file join $here work bitstream]
set out [file join $here bitfile]
file mkdir $out

create_project -force -part $part a2qflow $work
set boards [lsort -dictionary [get_board_parts -quiet $board_part]]
if {![llength $boards]} {
    error "Vivado has no board files for $board_part: install them (Tools > Vivado Store > Boards), or see the tutorial"
}
set_property board_part [lindex $boards end] [current_project]
set_property ip_repo_paths [file join $here ip] [current_project]
update_ip_catalog

create_bd_design a2qflow
proc cell {vlnv name {config {}}} {
    set made [create_bd_cell -type ip -vlnv $vlnv $name]
    if {[llength $config]} { set_property -dict $config $made }
    return $made
}
proc wire {from args} {
    foreach to $args { connect_bd_net [get_bd_pins $from] [get_bd_pins $to] }
}
proc bus {from to} { connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to] }

set name ${ps_ip}_0
set ps [cell xilinx.com:ip:$ps_ip $name]
apply_bd_automation -rule xilinx.com:bd_rule:$ps_ip -config $ps_automation $ps
set_property -dict $ps_config $ps

cell xilinx.com:ip:proc_sys_reset reset
cell xilinx.com:ip:smartconnect control {CONFIG.NUM_SI 1 CONFIG.NUM_MI 2}
cell xilinx.com:ip:smartconnect memory {CONFIG.NUM_SI 2 CONFIG.NUM_MI 1}
cell xilinx.com:ip:xlconcat interrupts {CONFIG.NUM_PORTS 2}
cell xilinx.com:ip:axi_dma $dma [list CONFIG.c_include_sg 0 CONFIG.c_sg_length_width 26 CONFIG.c_include_mm2s 1 \
    CONFIG.c_include_s2mm 1 CONFIG.c_include_mm2s_dre 0 CONFIG.c_include_s2mm_dre 0 CONFIG.c_addr_width $address_bits \
    CONFIG.c_m_axi_mm2s_data_width $dma_bits CONFIG.c_m_axis_mm2s_tdata_width $dma_bits \
    CONFIG.c_m_axi_s2mm_data_width $dma_bits CONFIG.c_s_axis_s2mm_tdata_width $dma_bits]
cell a2qflow:hls:$top:1.0 $accelerator

# One clock and one reset for everything.
wire $name/$ps_clock reset/slowest_sync_clk control/aclk memory/aclk $accelerator/ap_clk \
    $dma/s_axi_lite_aclk $dma/m_axi_mm2s_aclk $dma/m_axi_s2mm_aclk
foreach pin $ps_clock_pins { wire $name/$ps_clock $name/$pin }
wire $name/$ps_reset reset/ext_reset_in
wire reset/peripheral_aresetn control/aresetn memory/aresetn $accelerator/ap_rst_n $dma/axi_resetn

# Registers, memory, streams, interrupts.
bus $name/$ps_control control/S00_AXI
bus control/M00_AXI $accelerator/s_axi_control
bus control/M01_AXI $dma/S_AXI_LITE
bus $dma/M_AXI_MM2S memory/S00_AXI
bus $dma/M_AXI_S2MM memory/S01_AXI
bus memory/M00_AXI $name/$ps_memory
bus $dma/M_AXIS_MM2S $accelerator/s_axis
bus $accelerator/m_axis $dma/S_AXIS_S2MM
wire $dma/mm2s_introut interrupts/In0
wire $dma/s2mm_introut interrupts/In1
wire interrupts/dout $name/$ps_interrupt

assign_bd_address
validate_bd_design
save_bd_design
set bd [get_files a2qflow.bd]
set_property synth_checkpoint_mode None $bd
generate_target all $bd
add_files -norecurse [make_wrapper -files $bd -top]
set_property top a2qflow_wrapper [current_fileset]
update_compile_order -fileset sources_1

synth_design -top a2qflow_wrapper -part $part
write_checkpoint -force [file join $out post_synth.dcp]
report_utilization -file [file join $out utilization_synth.rpt]
opt_design
place_design
phys_opt_design
route_design
write_checkpoint -force [file join $out post_route.dcp]
report_utilization -file [file join $out utilization.rpt]
report_utilization -hierarchical -file [file join $out utilization_hierarchical.rpt]
report_timing_summary -max_paths 10 -file [file join $out timing.rpt]
report_power -file [file join $out power.rpt]
report_drc -file [file join $out drc.rpt]
write_bitstream -force [file join $out $bitfile]

# Where the block design's description lies depends on the version.
set described [glob -nocomplain -directory $work a2qflow.gen/sources_1/bd/a2qflow/hw_handoff/a2qflow.hwh \
    a2qflow.srcs/sources_1/bd/a2qflow/hw_handoff/a2qflow.hwh]
if {![llength $described]} { error "Vivado wrote no a2qflow.hwh below $work" }
file copy -force [lindex $described 0] [file join $out [file rootname $bitfile].hwh]
close_project
